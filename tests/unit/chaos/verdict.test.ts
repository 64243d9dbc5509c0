import { describe, expect, test } from "bun:test";
import type { CallFact, ChatFact, TurnFact } from "../../../src/chaos/facts.ts";
import { type Evidence, type FindingKind, judge } from "../../../src/chaos/verdict.ts";

const SECOND = 1000;
/** The wall clock's second in which the tools of these chats start. */
const START = 1_800_000_000;

function turn(change: Partial<TurnFact> = {}): TurnFact {
  return {
    ...{ mark: "c1-t1", kind: "quick", sentAtMs: START * SECOND - 500, answered: true },
    acceptedAtMs: START * SECOND - 400,
    end: { atMs: START * SECOND + 20 * SECOND, state: "succeeded", error: "" },
    ...change,
  };
}

function call(change: Partial<CallFact> = {}): CallFact {
  return {
    ...{
      toolCallId: "call_1",
      mark: "c1-t1-1",
      end: "succeeded",
      hasExitCode: true,
      isWhole: true,
      told: "Exit code 0",
      results: 1,
      askedAfterMs: 300,
      endedAfterMs: 19_000,
    },
    ...change,
  };
}

function chat(change: Partial<ChatFact> = {}): ChatFact {
  return {
    ...{ name: "c1", chatId: "chat_1", daemon: "laptop", turns: [turn()], calls: [call()], streamFaults: [] },
    ...change,
  };
}

function evidence(
  one: ChatFact,
  more: {
    starts?: Record<string, number[]>;
    killedAtMs?: readonly number[];
    troubles?: Evidence["troubles"];
  } = {},
): Evidence {
  const starts = more.starts ?? { "c1-t1-1": [START] };
  return {
    chats: [one],
    counts: new Map([["laptop", new Map(Object.entries(starts))]]),
    losses: (more.killedAtMs ?? []).map((atMs) => ({ daemon: "laptop", fromMs: atMs, untilMs: atMs + 5 })),
    troubles: more.troubles ?? [],
    startedAtMs: (START - 100) * SECOND,
  };
}

function findings(one: ChatFact, more?: Parameters<typeof evidence>[1]): FindingKind[] {
  return judge(evidence(one, more)).findings.map(({ kind }) => kind);
}

const NEVER_RAN = { starts: {} };
/** A fault while the turn ran. */
const TROUBLE = {
  troubles: [
    { fault: "kill-gateway", costs: "all" as const, fromMs: START * SECOND, untilMs: START * SECOND + SECOND },
  ],
};

describe("a chat whose calls each ran once", () => {
  test("holds, and is counted", () => {
    const verdict = judge(evidence(chat()));
    expect(verdict.holds).toBe(true);
    expect(verdict.totals).toEqual({
      ...{ chats: 1, turns: 1, calls: 1, lost: 0, doubled: 0, stuck: 0 },
      ...{ unknown: 0, holes: 0, failedTurns: 0, failedCalls: 0 },
    });
  });
});

describe("lost", () => {
  test("is a call that succeeded by its outcome and never ran", () => {
    expect(findings(chat(), NEVER_RAN)).toEqual(["lost"]);
  });

  test("is a call that ran and was told to the model as one that could not be run", () => {
    expect(findings(chat({ calls: [call({ end: "failed", hasExitCode: false })] }))).toEqual(["lost"]);
  });

  test("is a call that succeeded, with a result that is cut off or another call's", () => {
    expect(findings(chat({ calls: [call({ isWhole: false })] }))).toEqual(["lost"]);
  });

  test("is not a call that could not be run and did not run, or that ran and failed, in a fault: both are said", () => {
    const never = chat({ calls: [call({ end: "failed", hasExitCode: false })] });
    expect(findings(never, { ...NEVER_RAN, ...TROUBLE })).toEqual([]);
    expect(findings(chat({ calls: [call({ end: "failed" })] }), TROUBLE)).toEqual([]);
    expect(judge(evidence(chat({ calls: [call({ end: "failed" })] }))).totals.failedCalls).toBe(1);
  });

  test("is a call without an outcome whose turn has ended", () => {
    expect(findings(chat({ calls: [call({ end: "open", results: 0 })] }))).toEqual(["lost"]);
  });

  test("is a planned call that the chat does not have", () => {
    expect(findings(chat({ turns: [turn({ kind: "chain" })] }))).toEqual(["lost", "lost"]);
  });

  test("is a turn whose answer is not in the chat, or that never ended", () => {
    expect(findings(chat({ turns: [turn({ answered: false })] }))).toEqual(["lost"]);
    const { end: _, ...unended } = turn();
    expect(findings(chat({ turns: [unended], calls: [] }), NEVER_RAN)).toEqual(["lost"]);
  });
});

describe("doubled", () => {
  test("is a call whose tool started twice", () => {
    expect(findings(chat(), { starts: { "c1-t1-1": [START, START + 9] } })).toEqual(["doubled"]);
  });

  test("is a call that stands in the chat twice, and a result that does", () => {
    expect(findings(chat({ calls: [call(), call({ toolCallId: "call_2" })] }))).toEqual(["doubled"]);
    expect(findings(chat({ calls: [call({ results: 2 })] }))).toEqual(["doubled"]);
  });

  test("is a tool that ran and that no chat asked for", () => {
    expect(findings(chat(), { starts: { "c1-t1-1": [START], "c1-t1-2": [START] } })).toEqual(["doubled"]);
  });

  test("is a call that was denied and ran", () => {
    expect(findings(chat({ calls: [call({ end: "denied", hasExitCode: false })] }))).toEqual(["doubled"]);
  });
});

describe("a failed call", () => {
  const ended = (end: CallFact["end"]) => chat({ calls: [call({ end, hasExitCode: end === "failed" })] });

  test("is one that failed, was cancelled or ran out of time while nothing was wrong with the stack", () => {
    expect(findings(ended("failed"))).toEqual(["failed call"]);
    expect(findings(ended("cancelled"))).toEqual(["failed call"]);
    expect(findings(ended("timed_out"))).toEqual(["failed call"]);
  });

  test("has its excuse in a fault that was felt while its turn ran, and in no other", () => {
    for (const end of ["failed", "cancelled", "timed_out"] as const) expect(findings(ended(end), TROUBLE)).toEqual([]);
    const nats = { fault: "kill-nats", costs: "all" as const };
    const before = { ...nats, fromMs: 0, untilMs: START * SECOND - 11 * SECOND };
    const after = { ...nats, fromMs: START * SECOND + 21 * SECOND, untilMs: START * SECOND + 22 * SECOND };
    expect(findings(ended("failed"), { troubles: [before, after] })).toEqual(["failed call"]);
    const justBefore = { ...before, untilMs: START * SECOND - 10 * SECOND };
    expect(findings(ended("failed"), { troubles: [justBefore] })).toEqual([]);
  });

  test("has none in a fault that costs nobody's calls, or another daemon's", () => {
    const [felt] = TROUBLE.troubles;
    if (felt === undefined) throw new Error("there is a fault");
    const costs = (what: (typeof felt)["costs"] | "none" | { daemon: string }) => ({
      troubles: [{ ...felt, costs: what }],
    });
    expect(findings(ended("failed"), costs("none"))).toEqual(["failed call"]);
    expect(findings(ended("timed_out"), costs({ daemon: "desktop" }))).toEqual(["failed call"]);
    expect(findings(ended("failed"), costs({ daemon: "laptop" }))).toEqual([]);
  });

  test("is counted in the fault, with what its model was told", () => {
    const call1 = call({ end: "failed", hasExitCode: false, told: "daemon_offline: gone\nmore" });
    const verdict = judge(evidence(chat({ calls: [call1] }), { ...NEVER_RAN, ...TROUBLE }));
    expect(verdict.byFault).toEqual([
      { turns: 1, failedCalls: 1, unknown: 0, findings: 0, reasons: [{ text: "daemon_offline: gone", calls: 1 }] },
    ]);
    expect(verdict.told).toMatchObject([{ mark: "c1-t1-1", fromMs: 99_800, untilMs: 118_600 }]);
  });

  test("is one that was denied and did not run: nothing denies it", () => {
    expect(findings(ended("denied"), { ...NEVER_RAN, ...TROUBLE })).toEqual(["failed call"]);
  });
});

describe("stuck", () => {
  test("is a chat that did not come to rest; it is told once, and its tools count as asked for", () => {
    const { end: _, ...unended } = turn();
    const verdict = judge(evidence(chat({ turns: [unended], calls: [], stuck: "c1-t1 runs" })));
    expect(verdict.findings).toMatchObject([{ kind: "stuck", chat: "c1", chatId: "chat_1", text: "c1-t1 runs" }]);
    expect(verdict.holds).toBe(false);
  });
});

describe("unknown", () => {
  const unknown = chat({ turns: [turn({ kind: "slow" })], calls: [call({ end: "unknown", hasExitCode: false })] });

  test("is allowed where the daemon was killed while the call ran: it is counted, and holds", () => {
    const verdict = judge(evidence(unknown, { killedAtMs: [(START + 3) * SECOND] }));
    expect(verdict.holds).toBe(true);
    expect(verdict.totals.unknown).toBe(1);
    expect(verdict.told).toMatchObject([{ mark: "c1-t1-1", end: "unknown" }]);
  });

  test("is allowed where the daemon was killed in the turn, before the tool came to count", () => {
    expect(findings(unknown, { ...NEVER_RAN, killedAtMs: [START * SECOND] })).toEqual([]);
  });

  test("is a failure where the tool never counted and the daemon was killed before the model asked for the call", () => {
    const late = chat({ ...unknown, calls: [call({ end: "unknown", hasExitCode: false, askedAfterMs: 5_000 })] });
    expect(findings(late, { ...NEVER_RAN, killedAtMs: [(START + 3) * SECOND] })).toEqual(["unknown"]);
    expect(findings(late, { ...NEVER_RAN, killedAtMs: [(START + 5) * SECOND] })).toEqual([]);
  });

  test("is a failure where the daemon was killed after its result stood in the chat", () => {
    const early = chat({ ...unknown, calls: [call({ end: "unknown", hasExitCode: false, endedAfterMs: 2_000 })] });
    expect(findings(early, { killedAtMs: [(START + 3) * SECOND] })).toEqual(["unknown"]);
    expect(findings(early, { killedAtMs: [(START + 1) * SECOND] })).toEqual([]);
  });

  test("is a failure where nobody killed the daemon", () => {
    expect(findings(unknown)).toEqual(["unknown"]);
  });

  test("is a failure where the daemon was killed before the call began, or long after its end", () => {
    expect(findings(unknown, { killedAtMs: [(START - 60) * SECOND] })).toEqual(["unknown"]);
    expect(findings(unknown, { killedAtMs: [(START + 60) * SECOND] })).toEqual(["unknown"]);
    expect(findings(unknown, { ...NEVER_RAN, killedAtMs: [(START + 60) * SECOND] })).toEqual(["unknown"]);
  });

  test("is a failure where another daemon was killed", () => {
    const elsewhere = {
      ...evidence(unknown),
      losses: [{ daemon: "desktop", fromMs: (START + 3) * SECOND, untilMs: (START + 4) * SECOND }],
    };
    expect(judge(elsewhere).holds).toBe(false);
  });
});

describe("holes", () => {
  test("are what a stream left out, sent twice or sent otherwise", () => {
    const faults = [
      { kind: "hole", text: "update 7 came after 5", atMs: (START + 2) * SECOND },
      { kind: "double", text: "update 5 came after 5", atMs: (START + 3) * SECOND },
      { kind: "different", text: "message 2", atMs: (START + 60) * SECOND },
    ] as const;
    const verdict = judge(evidence(chat({ streamFaults: faults }), TROUBLE));
    expect(verdict.findings.map(({ fromMs, during }) => [fromMs, during])).toEqual([
      [102_000, ["kill-gateway"]],
      [103_000, ["kill-gateway"]],
      [160_000, []],
    ]);
    expect(verdict.totals.holes).toBe(3);
    expect(verdict.holds).toBe(false);
  });
});

describe("failed turns", () => {
  test("are runs that failed, with their reason; they do not hold", () => {
    const failed = turn({ end: { atMs: 0, state: "failed", error: "the model is gone" }, answered: false });
    const verdict = judge(evidence(chat({ turns: [failed] })));
    expect(verdict.findings).toMatchObject([
      { kind: "failed turn", mark: "c1-t1", text: "the run failed: the model is gone" },
    ]);
    expect(verdict.totals.failedTurns).toBe(1);
  });
});
