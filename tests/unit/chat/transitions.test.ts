import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isOutcome, type ToolCallState } from "../../../src/chat/tool-call.ts";
import {
  type Ending,
  endsUnstarted,
  type LedgerEvent,
  type LedgerState,
  outcomeOf,
  type Transition,
  transition,
} from "../../../src/chat/transitions.ts";

const OURS = "jrn_ours";
const OTHER = "jrn_other";
/** Processes of one journal. */
const FIRST = "ins_first";
const SECOND = "ins_second";

const requested: LedgerState = { state: "requested", journalId: undefined };
const dispatched: LedgerState = { state: "dispatched", journalId: undefined };
const running: LedgerState = { state: "running", journalId: OURS };
const granted: LedgerState = { ...running, instanceId: FIRST };
const cancelled: LedgerState = { state: "cancelled", journalId: undefined };
const succeeded: LedgerState = { state: "succeeded", journalId: OURS };
const unknown: LedgerState = { state: "unknown", journalId: OURS };

const dispatch: LedgerEvent = { kind: "dispatch" };
const ready = (journalId = OURS): LedgerEvent => ({ kind: "ready", journalId });
/** What a daemon says, said by one of its processes. */
const by = (instanceId: string, event: LedgerEvent): LedgerEvent =>
  event.kind === "ready" || event.kind === "result" ? { ...event, instanceId } : event;
const result = (ending: Ending, journalId = OURS): LedgerEvent => ({ kind: "result", journalId, ending });
const end = (outcome: "cancelled" | "timed_out" | "failed" | "denied"): LedgerEvent => ({
  kind: "end_before_running",
  outcome,
});

const stays = (answer: Transition["answer"] = "none", evidence = false): Transition => ({
  next: undefined,
  answer,
  evidence,
});
const becomes = (state: ToolCallState, answer: Transition["answer"], journalId?: string): Transition => ({
  next: { state, journalId },
  answer,
  evidence: false,
});

/** Each point of one tool call at which somebody can crash, freeze or lose a frame, as what the ledger is asked next. */
const ROWS: readonly (readonly [string, LedgerState, LedgerEvent, Transition])[] = [
  // The way that nothing disturbs.
  ["the router dispatches", requested, dispatch, becomes("dispatched", "none")],
  ["the daemon is ready", dispatched, ready(), becomes("running", "grant", OURS)],
  ["the daemon has run it", running, result("finished"), becomes("succeeded", "ack", OURS)],
  ["the tool failed", running, result("finished_with_error"), becomes("failed", "ack", OURS)],
  ["the daemon ended it for its time", running, result("timed_out"), becomes("timed_out", "ack", OURS)],
  ["a running call was cancelled", running, result("cancelled"), becomes("cancelled", "ack", OURS)],

  // Worker.
  ["a worker died after dispatching: the next one sends the same id", dispatched, dispatch, stays()],
  ["a worker takes over a running call", running, dispatch, stays()],
  ["a worker takes over a call that has ended", succeeded, dispatch, stays()],
  [
    "a worker runs a tool that needs no daemon",
    requested,
    { kind: "start_here", journalId: OURS },
    becomes("running", "none", OURS),
  ],
  ["two workers begin the same tool", running, { kind: "start_here", journalId: OTHER }, stays()],

  // Gateway.
  ["a gateway died between its compare-and-set and the grant", running, ready(), stays("grant")],
  ["a gateway died between its compare-and-set and the ack", succeeded, result("finished"), stays("ack", true)],
  ["a gateway died before its compare-and-set of the grant", dispatched, ready(), becomes("running", "grant", OURS)],
  [
    "a gateway died before its compare-and-set of the result",
    running,
    result("finished"),
    becomes("succeeded", "ack", OURS),
  ],

  // Daemon.
  [
    "the daemon lost its journal after the grant, and was offered the call again",
    running,
    ready(OTHER),
    becomes("unknown", "withdraw", OURS),
  ],
  [
    "the daemon lost its journal, and takes a cancel",
    running,
    result("not_started", OTHER),
    becomes("unknown", "ack", OURS),
  ],
  [
    "the daemon's process was killed in the middle of the tool",
    running,
    result("gone"),
    becomes("unknown", "ack", OURS),
  ],
  ["the daemon never came back", running, { kind: "unreachable" }, becomes("unknown", "none", OURS)],
  ["the daemon comes back with the result after all", unknown, result("finished"), stays("ack", true)],
  ["the daemon comes back and asks for the grant after all", unknown, ready(), stays("withdraw")],
  ["the daemon's policy refuses the call before it runs", dispatched, result("denied"), becomes("denied", "ack", OURS)],

  // A restart, after which the journal may be older than it was: from a copy that was made before the start.
  ["a process is ready", dispatched, by(FIRST, ready()), { ...becomes("running", "grant", OURS), next: granted }],
  ["the process that was granted it asks again", granted, by(FIRST, ready()), stays("grant")],
  [
    "the daemon was started again after the grant, and asks for it",
    granted,
    by(SECOND, ready()),
    becomes("unknown", "withdraw", OURS),
  ],
  [
    "the daemon was started again after the grant, and says that nothing ran",
    granted,
    by(SECOND, result("not_started")),
    becomes("unknown", "ack", OURS),
  ],
  [
    "the daemon was started again after the grant, and its policy refuses the call now",
    granted,
    by(SECOND, result("denied")),
    becomes("unknown", "ack", OURS),
  ],
  [
    "the process that was granted it did not start it",
    granted,
    by(FIRST, result("not_started")),
    becomes("cancelled", "ack", OURS),
  ],
  [
    "the daemon ran it, was started again, and tells",
    granted,
    by(SECOND, result("finished")),
    becomes("succeeded", "ack", OURS),
  ],
  [
    "the daemon killed it, was started again, and tells",
    granted,
    by(SECOND, result("cancelled")),
    becomes("cancelled", "ack", OURS),
  ],
  ["a release that does not note the process granted it", running, by(SECOND, ready()), stays("grant")],

  // Cancel and deadline.
  ["a cancel before the router sent it", requested, end("cancelled"), becomes("cancelled", "none")],
  ["a cancel before the daemon was ready", dispatched, end("cancelled"), becomes("cancelled", "none")],
  ["a cancel of a running call goes through its daemon only", running, end("cancelled"), stays()],
  ["a laptop wakes up tomorrow with a cancelled call", cancelled, ready(), stays("withdraw")],
  [
    "a cancel came to the daemon before the offer",
    dispatched,
    result("not_started"),
    becomes("cancelled", "ack", OURS),
  ],
  [
    "a cancel came to the daemon before the grant's start",
    running,
    result("not_started"),
    becomes("cancelled", "ack", OURS),
  ],
  ["the same tombstone, sent again", cancelled, result("not_started"), stays("ack", true)],
  ["no daemon took it in time", dispatched, end("failed"), becomes("failed", "none")],
  ["its time ran out before it ran", dispatched, end("timed_out"), becomes("timed_out", "none")],
  ["a person said no", requested, end("denied"), becomes("denied", "none")],
  ["its deadline passes when it has ended", succeeded, { kind: "unreachable" }, stays()],
  [
    "its deadline passes before it runs: that is not for `unreachable` to end",
    dispatched,
    { kind: "unreachable" },
    stays(),
  ],

  // What no honest peer sends.
  ["a result of a call that was never granted", dispatched, result("finished"), stays()],
  ["a result of a call that was never dispatched", requested, result("finished"), stays()],
  ["ready for a call that was never dispatched", requested, ready(), stays("withdraw")],
];

describe("the ledger's transitions", () => {
  for (const [what, current, event, expected] of ROWS) {
    test(`${what}: ${current.state} + ${event.kind}`, () => {
      expect(transition(current, event)).toEqual(expected);
    });
  }
});

const STATES: readonly ToolCallState[] = [
  ...(["requested", "dispatched", "running", "succeeded", "failed"] as const),
  ...(["denied", "cancelled", "timed_out", "unknown"] as const),
];
const ENDINGS: readonly Ending[] = [
  ...(["finished", "finished_with_error", "cancelled", "not_started", "timed_out", "gone", "denied"] as const),
];
const journal = fc.constantFrom(OURS, OTHER);
const instance = fc.constantFrom(FIRST, SECOND);
const anyState: fc.Arbitrary<LedgerState> = fc
  .record({ state: fc.constantFrom(...STATES), journalId: journal, instanceId: instance })
  .map(({ state, journalId, instanceId }) =>
    state === "requested" || state === "dispatched"
      ? { state, journalId: undefined }
      : { state, journalId, instanceId },
  );
const anyEvent: fc.Arbitrary<LedgerEvent> = fc.oneof(
  fc.constant(dispatch),
  fc.record({ kind: fc.constant("start_here" as const), journalId: fc.constant("wrk_ours") }),
  fc.record({ kind: fc.constant("ready" as const), journalId: journal, instanceId: instance }),
  fc.record({
    ...{ kind: fc.constant("result" as const), journalId: journal, instanceId: instance },
    ending: fc.constantFrom(...ENDINGS),
  }),
  fc.constantFrom("cancelled", "timed_out", "failed", "denied").map((outcome) => end(outcome)),
  fc.constant<LedgerEvent>({ kind: "unreachable" }),
);

describe("whatever happens to a call", () => {
  test("an outcome never changes", () => {
    fc.assert(
      fc.property(anyState, anyEvent, (current, event) => {
        fc.pre(isOutcome(current.state));
        expect(transition(current, event).next).toBeUndefined();
      }),
    );
  });

  test("a grant stands in the ledger as running for the journal and the process that get it", () => {
    fc.assert(
      fc.property(anyState, anyEvent, (current, event) => {
        const { next, answer } = transition(current, event);
        if (answer !== "grant") return;
        const after = next ?? current;
        expect(after.state).toBe("running");
        expect(event).toMatchObject({ kind: "ready", journalId: after.journalId, instanceId: after.instanceId });
      }),
    );
  });

  test("a running call ends only by a result or as unreachable, and another journal's frames make it unknown", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const { next } = transition(running, event);
        if (next === undefined) return;
        expect(["result", "ready", "unreachable"]).toContain(event.kind);
        const foreign = "journalId" in event && event.journalId !== OURS;
        if (foreign || event.kind === "unreachable") expect(next.state).toBe("unknown");
      }),
    );
  });

  test("what says that nothing ran may end a dispatched call, and no other result may", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ENDINGS), (ending) => {
        const { next } = transition(dispatched, result(ending));
        expect(next === undefined).toBe(!endsUnstarted(ending));
      }),
    );
  });

  test("any run of events starts the tool at most once, and a result that counts is acked", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        let current = requested;
        const starters = new Set<string>();
        for (const event of events) {
          const step = transition(current, event);
          if (step.answer === "grant" && event.kind === "ready") starters.add(`${event.journalId} ${event.instanceId}`);
          if (event.kind === "result" && step.next !== undefined) expect(step.answer).toBe("ack");
          if (event.kind === "start_here" && step.next !== undefined) starters.add(event.journalId);
          current = step.next ?? current;
        }
        expect(starters.size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  test("every ending has an outcome", () => {
    for (const ending of ENDINGS) expect(isOutcome(outcomeOf(ending))).toBe(true);
  });
});
