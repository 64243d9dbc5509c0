import { LIMITS } from "../core/limits.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { judgeCall } from "./call-verdict.ts";
import type { Counts } from "./counter-file.ts";
import type { CallEnd, ChatFact, DaemonLoss, Trouble, TurnFact } from "./facts.ts";
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
}

/** All that the judgement looks at. */
export interface Evidence {
  readonly chats: readonly ChatFact[];
  /** What the tools counted, by the daemon's name. */
  readonly counts: ReadonlyMap<string, Counts>;
  readonly losses: readonly DaemonLoss[];
  readonly troubles: readonly Trouble[];
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
  /** Calls whose model was told that they failed, were cancelled or ran out of time; those without a fault's excuse stand among the findings. */
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
  }[];
  /** True where nothing was lost, doubled, stuck or missed, and each `unknown` has its reason. */
  readonly holds: boolean;
}

/** Compares what the chats say with what the tools counted. Pure; each column has its tests. */
export function judge(evidence: Evidence): Verdict {
  const findings = [...evidence.chats.flatMap((chat) => judgeChat(chat, evidence)), ...unasked(evidence)];
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
  return { totals, findings, told: toldCalls(evidence.chats), holds: findings.length === 0 };
}

function toldCalls(chats: readonly ChatFact[]): Verdict["told"] {
  return chats
    .flatMap(({ daemon, calls }) =>
      calls
        .filter(({ end }) => end !== "succeeded")
        .map(({ toolCallId, mark = toolCallId, end, told }) => ({ daemon, mark, end, text: told })),
    )
    .slice(0, TRIAL_LIMITS.chaosToldCalls);
}

function judgeChat(chat: ChatFact, evidence: Evidence): Finding[] {
  const say = (kind: FindingKind, mark: string, text: string): Finding => ({
    ...{ kind, chat: chat.name, chatId: chat.chatId },
    ...{ mark, text },
  });
  const counts = evidence.counts.get(chat.daemon) ?? new Map();
  const losses = evidence.losses.filter((loss) => loss.daemon === chat.daemon);
  return [
    ...(chat.stuck === undefined ? [] : [say("stuck", "", chat.stuck)]),
    ...chat.streamFaults.map((fault) => say("hole", "", `${fault.kind}: ${fault.text}`)),
    ...chat.turns.flatMap((turn) => judgeTurn(turn, chat, say)),
    ...chat.calls.flatMap((call) => {
      const turn = chat.turns.find(({ mark }) => call.mark?.startsWith(`${mark}-`));
      const starts = counts.get(call.mark ?? "") ?? [];
      return judgeCall({ call, turn, starts, losses, troubles: evidence.troubles }, (kind, text) =>
        say(kind, call.mark ?? call.toolCallId, text),
      );
    }),
  ];
}

type Say = (kind: FindingKind, mark: string, text: string) => Finding;

function judgeTurn(turn: TurnFact, chat: ChatFact, say: Say): Finding[] {
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
function unasked(evidence: Evidence): Finding[] {
  const asked = new Set(evidence.chats.flatMap((chat) => chat.calls.map((call) => `${chat.daemon} ${call.mark}`)));
  const unread = new Set(evidence.chats.filter((chat) => chat.stuck !== undefined).map((chat) => chat.name));
  const nameOf = (mark: string) => mark.split("-")[0] ?? mark;
  return [...evidence.counts].flatMap(([daemon, counts]) =>
    [...counts.keys()]
      .filter((mark) => !asked.has(`${daemon} ${mark}`) && !unread.has(nameOf(mark)))
      .map((mark) => ({
        ...{ kind: "doubled" as const, chat: nameOf(mark), chatId: "", mark },
        text: `it ran on ${daemon}, and no call in the chat asks for it`.slice(0, LIMITS.failureTextChars),
      })),
  );
}
