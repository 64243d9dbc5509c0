import type { Chat } from "../chat/message.ts";
import type { ToolCall } from "../chat/tool-call.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { ToolRequest } from "../routing/daemon-router.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import { cancelOf } from "./cancel-request.ts";
import type { StepContext } from "./step-context.ts";

interface DaemonCall {
  readonly call: ToolCall;
  readonly timeoutMs: number;
  /** The run is to be cancelled already. */
  readonly cancelRequested: boolean;
}

/** Sends the call to the chat's daemon and waits for its outcome in the ledger; resolves when it has one. */
export async function runOnDaemon(deps: ActivityDeps, daemonCall: DaemonCall, context: StepContext): Promise<void> {
  const { call, timeoutMs } = daemonCall;
  const chat = await deps.store.chats.get(call.userId, call.chatId);
  const daemonId = call.daemonId ?? (await deps.chooseDaemon(chat))?.id;
  if (daemonId === undefined) {
    await deps.store.toolCalls.endBeforeRunning({ toolCallId: call.id, outcome: "failed", reason: noDaemon(chat) });
    return;
  }
  const request: ToolRequest = {
    ...{ toolCallId: call.id, chatId: call.chatId, userId: call.userId, daemonId, toolName: call.name },
    ...{ inputJson: JSON.stringify(call.input), roots: await rootsOf(deps, chat), timeoutMs },
  };
  await followToOutcome(deps, request, daemonCall, context);
}

/** The delivery knows when to give up: the ledger has the call's deadline. */
async function followToOutcome(
  deps: ActivityDeps,
  request: ToolRequest,
  { call, cancelRequested }: DaemonCall,
  context: StepContext,
): Promise<void> {
  const settled = new AbortController();
  const cancelling = repeatCancel(deps, call, cancelRequested, context, settled.signal);
  try {
    await deps.router.sendToolRequestSync(request, context.stopping);
  } catch (error) {
    throw context.stopping.aborted ? stops(call.id, error) : error;
  } finally {
    settled.abort();
    await cancelling;
  }
}

/** Once the run is to be cancelled, tells the call's daemon with each poll until the ledger has an outcome. Never rejects. */
async function repeatCancel(
  deps: ActivityDeps,
  call: ToolCall,
  cancelRequested: boolean,
  context: StepContext,
  settled: AbortSignal,
): Promise<void> {
  try {
    if (!cancelRequested && !(await cancelOf(deps, call.id, context, settled))) return;
    while (!settled.aborted) {
      await deps.router.cancelToolCall(call).catch((error: unknown) => {
        const code = error instanceof ReliantError ? error.code : "internal";
        logger("activities", "run-on-daemon").warning("cancel not sent", { toolCallId: call.id, code });
      });
      await deps.clock.sleep(LIMITS.ledgerPollMs, settled).catch(() => undefined);
    }
  } catch (error) {
    logger("activities", "run-on-daemon").error("cancel not watched for", { toolCallId: call.id, error });
  }
}

/** The worktrees that the chat works in, then its project's folder. */
async function rootsOf(deps: ActivityDeps, chat: Chat): Promise<readonly string[]> {
  if (chat.projectId === undefined) return [];
  const { projects } = deps.store;
  const [project, worktrees] = await Promise.all([
    projects.get(chat.userId, chat.projectId),
    projects.listWorktrees(chat.userId, chat.projectId),
  ]);
  return [...worktrees.filter((each) => each.chatId === chat.id).map((each) => each.path), project.path];
}

function noDaemon(chat: Chat): string {
  return chat.daemonId === undefined
    ? "The tool was not run: none of the user's machines is connected. Tell the user to start `reliant daemon start` on the machine that has the project, and then to ask again."
    : `The tool was not run: this chat works on the machine ${chat.daemonId}, and the user has no such machine. Tell the user to register it, or to begin a chat on another one.`;
}

function stops(toolCallId: string, cause: unknown): ReliantError {
  return new ReliantError("unavailable", `wait for tool call ${toolCallId}: this process stops`, { cause });
}
