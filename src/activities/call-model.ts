import type { LoopView } from "../chat/loop-view.ts";
import type { ContentBlock, Failure, Usage } from "../chat/message.ts";
import { modelTranscript } from "../chat/transcript.ts";
import { ReliantError, unreachable } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { type FailureKind, failureRow } from "../models/provider-failures.ts";
import type { AnswerFence, BeginAnswer } from "../store/turns.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import { AnswerWatch, type Verdict } from "./answer-watch.ts";
import { DeltaPublisher } from "./delta-publisher.ts";
import { LiveAnswer } from "./live-answer.ts";
import { type AttemptEnd, runAttempt } from "./model-attempt.ts";
import { afterModelFailure } from "./model-failure.ts";
import { persist } from "./persist.ts";
import type { StepContext } from "./step-context.ts";
import { systemPrompt } from "./system-prompt.ts";

export interface CallModelInput {
  readonly chatId: string;
  readonly runId: string;
  /** Minted by the engine: the same step asked for again writes the same answer. */
  readonly messageId: string;
}

type Begun = Extract<BeginAnswer, { kind: "begun" }>;

/** What an attempt wants to leave in the chat; `again`: another attempt follows. */
type Conclusion =
  | { readonly kind: "settle"; readonly answer: Parameters<ActivityDeps["store"]["turns"]["completeAnswer"]>[1] }
  | { readonly kind: "again" }
  | { readonly kind: "fence_lost" }
  | { readonly kind: "stopped" };

/**
 * Asks the model for the next answer of a chat, streams it to whoever watches, and stores it. The one owner of retries.
 * Rejects where the store is away, or with `unavailable` when this process stops: whoever repeats it goes on.
 */
export async function callModel(deps: ActivityDeps, input: CallModelInput, context: StepContext): Promise<LoopView> {
  const { turns } = deps.store;
  let last: { readonly after: number } | undefined;
  for (;;) {
    const begun = await turns.beginAnswer({ runId: input.runId, messageId: input.messageId, ...last });
    if (begun.kind === "settled") return begun.view;
    const fence: AnswerFence = { messageId: input.messageId, attempt: begun.attempt };
    const conclusion = await attemptAnswer(deps, begun, fence, context);
    switch (conclusion.kind) {
      case "settle": {
        const settle = () => turns.completeAnswer(fence, conclusion.answer);
        return (await persist(deps.clock, context.stopping, settle)) ?? (await turns.view(input.chatId));
      }
      case "again":
        last = { after: fence.attempt };
        break;
      case "fence_lost":
        return turns.view(input.chatId);
      case "stopped":
        throw new ReliantError("unavailable", `call the model for chat ${input.chatId}: this process stops`);
      default:
        return unreachable(conclusion);
    }
  }
}

async function attemptAnswer(
  deps: ActivityDeps,
  begun: Begun,
  fence: AnswerFence,
  context: StepContext,
): Promise<Conclusion> {
  if (begun.chat.run?.cancelRequested === true) return settle("interrupted", []);
  const { clock, hub } = deps;
  const { turns } = deps.store;
  const live = new LiveAnswer({ chatId: begun.chat.id, ...fence });
  const watch = new AnswerWatch({ turns, clock, context, fence, live });
  const publisher = new DeltaPublisher({ hub, clock, userId: begun.chat.userId, live });
  // The attempt has begun: one more would count as asked, though nobody was.
  const daemon = await persist(clock, context.stopping, () => deps.chooseDaemon(begun.chat));
  // What the provider asked of the attempt before counts for whoever took over.
  const early = begun.notBeforeMs === undefined ? undefined : await waitUntil(deps, watch, begun.notBeforeMs);
  if (early !== undefined) return onVerdict(deps, fence, live, { kind: early });
  const end = await runAttempt({ ...ask(deps, begun, daemon?.platform), live, publisher, watch, clock });
  switch (end.kind) {
    case "finished":
      return finished(live, end);
    case "broke":
      return retryOrFail(deps, begun, fence, live, watch, end, context);
    default:
      return onVerdict(deps, fence, live, end);
  }
}

/** Whom to ask, found when it is asked (a wrong name or a missing key fails the answer), and what. */
function ask(deps: ActivityDeps, begun: Begun, platform: string | undefined) {
  const { chat, projectPath, attempt } = begun;
  const tools = deps.tools.descriptions;
  const system = systemPrompt({ projectPath, platform, toolNames: tools.map((tool) => tool.name) });
  const request = { system, messages: modelTranscript(begun.messages), tools, chatId: chat.id, attempt };
  return { resolve: () => deps.models.resolve(chat.model), request };
}

function finished(live: LiveAnswer, end: Extract<AttemptEnd, { kind: "finished" }>): Conclusion {
  const { usage } = end;
  switch (end.reason) {
    case "refusal": {
      const error = reported("refused");
      return settle("failed", live.cutOff(), { usage, error });
    }
    case "length": {
      const blocks = live.finished(() => newId("call"), { cutByLength: true });
      return settle("complete", blocks, { usage, error: reported("cut_by_length") });
    }
    case "stop":
    case "tool_calls":
    case "other":
      return settle(
        "complete",
        live.finished(() => newId("call")),
        { usage },
      );
    default:
      return unreachable(end.reason);
  }
}

async function retryOrFail(
  deps: ActivityDeps,
  { asked }: Begun,
  fence: AnswerFence,
  live: LiveAnswer,
  watch: AnswerWatch,
  broke: Extract<AttemptEnd, { kind: "broke" }>,
  context: StepContext,
): Promise<Conclusion> {
  const { usage } = broke;
  const after = afterModelFailure(broke.error, asked);
  const { code } = after.failure;
  logger("activities", "call-model").warning("the model could not answer", {
    ...{ messageId: fence.messageId, attempt: fence.attempt, code, next: after.kind },
  });
  if (after.kind === "fail") return settle("failed", live.cutOff(), { ...counted(usage), error: after.failure });
  const retryAtMs = deps.clock.now() + after.waitMs;
  const note = { ...counted(usage), error: after.failure, retryAtMs };
  // Where it cannot be stored, whoever repeats the step would not know of the wait.
  await persist(deps.clock, context.stopping, () => deps.store.turns.noteAttempt(fence, note));
  const verdict = await waitUntil(deps, watch, retryAtMs);
  return verdict === undefined ? { kind: "again" } : onVerdict(deps, fence, live, { kind: verdict, ...counted(usage) });
}

/** Waits for the provider, as long as it may ask for at most; a verdict ends it at once. */
async function waitUntil(deps: ActivityDeps, watch: AnswerWatch, atMs: number): Promise<Verdict | undefined> {
  const over = new AbortController();
  const waitMs = Math.min(LIMITS.modelRetryMaxMs, Math.max(0, atMs - deps.clock.now()));
  const disarm = deps.clock.after(waitMs, () => over.abort());
  return watch.until(over.signal).finally(disarm);
}

async function onVerdict(
  deps: ActivityDeps,
  fence: AnswerFence,
  live: LiveAnswer,
  end: { readonly kind: Verdict; readonly usage?: Usage },
): Promise<Conclusion> {
  switch (end.kind) {
    case "cancelled":
      return settle("interrupted", live.cutOff(), counted(end.usage));
    case "fence_lost":
      return { kind: "fence_lost" };
    case "stopped": {
      const error = { code: "unavailable", message: "the process that asked the model stopped" };
      // So that it does not count. The process has little time left: where it cannot be noted now, it does.
      await deps.store.turns.noteAttempt(fence, { ...counted(end.usage), error, stopped: true }).catch(() => undefined);
      return { kind: "stopped" };
    }
    default:
      return unreachable(end.kind);
  }
}

function counted(usage: Usage | undefined): { readonly usage?: Usage } {
  return usage === undefined ? {} : { usage };
}

/** How an answer ended that is none, or not a whole one, as its message carries it. */
function reported(kind: FailureKind): Failure {
  const { code, told } = failureRow(kind);
  return { code, message: told };
}

function settle(
  state: "complete" | "interrupted" | "failed",
  blocks: readonly ContentBlock[],
  more: { readonly usage?: Usage; readonly error?: Failure } = {},
): Conclusion {
  return { kind: "settle", answer: { state, blocks, ...more } };
}
