import { LIMITS } from "../core/limits.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { judgeCall } from "./call-verdict.ts";
import type { Counts } from "./counter-file.ts";
import type { CallEnd, ChatFact, DaemonLoss, Trouble, TurnFact } from "./facts.ts";
import { countsByFault, type FaultCounts } from "./fault-counts.ts";
import { callSpan, mayCost, type Span, troublesOf, turnOf, turnSpan } from "./moment.ts";
import { callMark, plannedCalls } from "./turn-plan.ts";

/** What one finding says was wrong. All of them are failures of the stack. */
export type FindingKind = "lost" | "doubled" | "stuck" | "unknown" | "hole" | "failed turn" | "failed call";

export interface Finding {
  readonly kind: FindingKind;
  readonly chat: string;
  readonly chatId: string;
  /** The mark of the turn or the call; empty for the chat as a whole. */
  readonly mark: string;
  readonly text: string;
  /**
   * Since the beginning of the run, milliseconds: the call's life, the turn's, or the moment at which it was seen. `untilMs` is
   * undefined for what had no end.
   */
  readonly fromMs: number;
  readonly untilMs?: number;
  /** The faults that were under way then; where none was, those that may still have been felt. */
  readonly during: readonly string[];
}

/** All that the judgement looks at. */
export interface Evidence {
  readonly chats: readonly ChatFact[];
  /** What the tools counted, by the daemon's name. */
  readonly counts: ReadonlyMap<string, Counts>;
  readonly losses: readonly DaemonLoss[];
  readonly troubles: readonly Trouble[];
  /** The beginning of the run, by the wall clock. */
  readonly startedAtMs: number;
}

export interface Totals {
  readonly chats: number;
  readonly turns: number;
  readonly calls: number;
  readonly lost: number;
  readonly doubled: number;
  readonly stuck: number;
  /** All that ended so, the allowed ones included; those that are not allowed stand among the findings. */
  readonly unknown: number;
  readonly holes: number;
  readonly failedTurns: number;
  /** Calls whose model was told that they failed, were cancelled or ran out of time; those that no fault may have cost stand among the findings. */
  readonly failedCalls: number;
}

export interface Verdict {
  readonly totals: Totals;
  readonly findings: readonly Finding[];
  /** The first of the calls that did not succeed, with what their model was told. */
  readonly told: readonly {
    readonly daemon: string;
    readonly mark: string;
    readonly end: CallEnd;
    readonly text: string;
    readonly fromMs: number;
    readonly untilMs?: number;
    readonly during: readonly string[];
  }[];
  /** What happened in each fault, in the order of the evidence's troubles. */
  readonly byFault: readonly FaultCounts[];
  /** True where nothing was lost, doubled, stuck or missed, and each `unknown` has its reason. */
  readonly holds: boolean;
}

/** Compares what the chats say with what the tools counted. Pure; each column has its tests. */
export function judge(evidence: Evidence): Verdict {
  const found = [...evidence.chats.flatMap((chat) => judgeChat(chat, evidence)), ...unasked(evidence)];
  const findings = found.map(({ span, ...finding }) => ({ ...finding, ...when(span, evidence) }));
  const ofKind = (kind: FindingKind) => findings.filter((finding) => finding.kind === kind).length;
  const calls = evidence.chats.flatMap((chat) => chat.calls);
  const totals: Totals = {
    chats: evidence.chats.length,
    turns: evidence.chats.reduce((sum, chat) => sum + chat.turns.length, 0),
    calls: calls.length,
    lost: ofKind("lost"),
    doubled: ofKind("doubled"),
    stuck: ofKind("stuck"),
    unknown: calls.filter((call) => call.end === "unknown").length,
    holes: ofKind("hole"),
    failedTurns: ofKind("failed turn"),
    failedCalls: calls.filter(({ end }) => end === "failed" || end === "cancelled" || end === "timed_out").length,
  };
  const spans = found.map(({ span }) => span);
  const byFault = countsByFault(evidence.troubles, evidence.chats, spans);
  return { totals, findings, told: toldCalls(evidence), byFault, holds: findings.length === 0 };
}

function toldCalls(evidence: Evidence): Verdict["told"] {
  return evidence.chats
    .flatMap((chat) =>
      chat.calls
        .filter(({ end }) => end !== "succeeded")
        .map((call) => {
          const { toolCallId, mark = toolCallId, end, told } = call;
          return { daemon: chat.daemon, mark, end, text: told, ...when(callSpan(call, turnOf(call, chat)), evidence) };
        }),
    )
    .slice(0, TRIAL_LIMITS.chaosToldCalls);
}

/** A finding, with its moments by the wall clock. */
type Found = Omit<Finding, "fromMs" | "untilMs" | "during"> & { readonly span: Span };

/** Since the beginning, and the faults of that time. */
function when(span: Span, { startedAtMs, troubles }: Evidence): Pick<Finding, "fromMs" | "untilMs" | "during"> {
  const during = troublesOf(troubles, span).map(({ fault }) => fault);
  return {
    fromMs: Math.max(0, span.fromMs - startedAtMs),
    ...(span.untilMs === Number.POSITIVE_INFINITY ? {} : { untilMs: span.untilMs - startedAtMs }),
    during: [...new Set(during)],
  };
}

function judgeChat(chat: ChatFact, evidence: Evidence): Found[] {
  const say = (kind: FindingKind, mark: string, text: string, span: Span): Found => ({
    ...{ kind, chat: chat.name, chatId: chat.chatId },
    ...{ mark, text, span },
  });
  const counts = evidence.counts.get(chat.daemon) ?? new Map();
  const losses = evidence.losses.filter((loss) => loss.daemon === chat.daemon);
  const excuses = evidence.troubles.filter((trouble) => mayCost(trouble, chat.daemon));
  const seen = (atMs: number) => ({ fromMs: atMs, untilMs: atMs });
  return [
    ...(chat.stuck === undefined ? [] : [say("stuck", "", chat.stuck, turnSpan(chat.turns.at(-1)))]),
    ...chat.streamFaults.map(({ kind, text, atMs }) => say("hole", "", `${kind}: ${text}`, seen(atMs))),
    ...chat.turns.flatMap((turn) => judgeTurn(turn, chat, say)),
    ...chat.calls.flatMap((call) => {
      const turn = turnOf(call, chat);
      const span = callSpan(call, turn);
      const starts = counts.get(call.mark ?? "") ?? [];
      return judgeCall({ call, turn, span, starts, losses, excuses }, (kind, text) =>
        say(kind, call.mark ?? call.toolCallId, text, span),
      );
    }),
  ];
}

type Say = (kind: FindingKind, mark: string, text: string, span: Span) => Found;

function judgeTurn(turn: TurnFact, chat: ChatFact, sayAt: Say): Found[] {
  const say = (kind: FindingKind, mark: string, text: string) => sayAt(kind, mark, text, turnSpan(turn));
  if (turn.end === undefined) {
    // A chat that is stuck says so once, for its last turn.
    return chat.stuck === undefined
      ? [say("lost", turn.mark, "the turn was never answered, and the chat is at rest")]
      : [];
  }
  if (turn.end.state !== "succeeded") {
    return [say("failed turn", turn.mark, `the run ${turn.end.state}: ${turn.end.error || "no reason given"}`)];
  }
  const marks = plannedCalls(turn.kind).map(({ number }) => callMark(turn.mark, number));
  const asked = (mark: string) => chat.calls.filter((call) => call.mark === mark).length;
  return [
    ...(turn.answered ? [] : [say("lost", turn.mark, "the run succeeded, and its answer is not in the chat")]),
    ...marks
      .filter((mark) => asked(mark) === 0)
      .map((mark) => say("lost", mark, "the turn ended, and this call is not in the chat")),
    ...marks
      .filter((mark) => asked(mark) > 1)
      .map((mark) => say("doubled", mark, `the chat asks for this call ${asked(mark)} times`)),
  ];
}

/** What ran although no chat has a call for it: an answer that was withdrawn after its tools had begun, say. */
function unasked(evidence: Evidence): Found[] {
  const asked = new Set(evidence.chats.flatMap((chat) => chat.calls.map((call) => `${chat.daemon} ${call.mark}`)));
  const unread = new Set(evidence.chats.filter((chat) => chat.stuck !== undefined).map((chat) => chat.name));
  const nameOf = (mark: string) => mark.split("-")[0] ?? mark;
  return [...evidence.counts].flatMap(([daemon, counts]) =>
    [...counts]
      .filter(([mark]) => !asked.has(`${daemon} ${mark}`) && !unread.has(nameOf(mark)))
      .map(([mark, [second = 0]]) => ({
        ...{ kind: "doubled" as const, chat: nameOf(mark), chatId: "", mark },
        span: { fromMs: second * 1000, untilMs: (second + 1) * 1000 },
        text: `it ran on ${daemon}, and no call in the chat asks for it`.slice(0, LIMITS.failureTextChars),
      })),
  );
}
