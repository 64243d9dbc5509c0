import { Code, ConnectError } from "@connectrpc/connect";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { type Chat, type Run, RunState } from "../gen/reliant/v1/chat_pb.ts";
import type { StreamUserUpdatesResponse } from "../gen/reliant/v1/update_pb.ts";
import { type ApiClient, fromServer } from "./api-client.ts";
import { watchedUpdates } from "./watched-updates.ts";

export interface RunRequest {
  readonly prompt: string;
  /** Absolute path of the project's folder on the daemon's machine. */
  readonly projectPath: string;
  readonly projectName: string;
  /** `provider/model`; empty: the server's default. */
  readonly model: string;
}

/** How the session tells what happens. */
export interface RunListener {
  onChat(chat: Chat): void;
  /** The next update comes when this has resolved: a slow reader slows the stream, not the memory. */
  onUpdate(update: StreamUserUpdatesResponse): Promise<void>;
  /** The stream broke and is taken up again where it ended. */
  onReconnect(reason: string): void;
  /** The server could not be told of the cancel. */
  onCancelUnheard(reason: string): void;
}

/** Tries of one request, and of the stream without a frame in between, before the server counts as gone. */
const TRIES = 8;

/** A client of the server as it is reached now: one that was started again may have another address and token. */
type Connect = () => Promise<ApiClient>;

/**
 * Creates a chat with the prompt, follows it to the end of its run, and answers that run. `cancel` asks the server to
 * cancel the run; the session goes on until the run has ended. `signal` leaves at once.
 */
export async function runSession(
  connect: Connect,
  clock: Clock,
  request: RunRequest,
  listener: RunListener,
  signals: { readonly cancel: AbortSignal; readonly signal: AbortSignal },
): Promise<Run> {
  const { signal } = signals;
  const retry = <T>(act: string, call: (api: ApiClient) => Promise<T>) =>
    withRetries(clock, connect, act, call, signal);
  const { project } = await retry("create project", (api) =>
    api.projects.createProject({ name: request.projectName, path: request.projectPath }, { signal }),
  );
  const ids = { chatId: newId("chat"), messageId: newId("msg") };
  const created = await retry("create chat", (api) =>
    api.chats.createChat(
      {
        ...ids,
        projectId: project?.id ?? "",
        title: title(request.prompt),
        model: request.model,
        blocks: [{ content: { case: "text", value: { text: request.prompt } } }],
      },
      { signal },
    ),
  );
  if (created.chat === undefined) throw new ReliantError("internal", "create chat: the server answered without a chat");
  listener.onChat(created.chat);

  const onCancel = () => {
    // Whether it was heard shows in the run's end; the tries are bounded.
    retry("cancel run", (api) => api.chats.cancelRun({ chatId: ids.chatId }, { signal })).catch((error: unknown) => {
      listener.onCancelUnheard(messageOf(error));
    });
  };
  if (signals.cancel.aborted) onCancel();
  else signals.cancel.addEventListener("abort", onCancel, { once: true });
  try {
    return await follow(connect, clock, ids.chatId, listener, signal);
  } finally {
    signals.cancel.removeEventListener("abort", onCancel);
  }
}

/** Follows the chat from its first update until its run has ended, over as many streams as it takes. */
async function follow(
  connect: Connect,
  clock: Clock,
  chatId: string,
  listener: RunListener,
  signal: AbortSignal,
): Promise<Run> {
  let afterSequence = 0n;
  let url = "";
  for (let tries = 0; ; tries++) {
    try {
      const api = await connect();
      url = api.url;
      const request = { afterSequence: -1n, chats: [{ chatId, afterSequence }] };
      for await (const response of watchedUpdates(api.updates, request, clock, signal)) {
        tries = 0;
        if (response.update.case === "chat") afterSequence = response.update.value.sequence;
        await listener.onUpdate(response);
        const ended = endedRun(response);
        if (ended !== undefined) return ended;
      }
      throw new ConnectError("the stream ended", Code.Unavailable);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const ours = fromServer(error, "follow chat", url);
      if (!ours.row.retryable || tries >= TRIES) throw ours;
      listener.onReconnect(ours.message);
      await clock.sleep(backoffMs(tries, { baseMs: LIMITS.reconnectBaseMs, maxMs: LIMITS.startRetryMaxMs }), signal);
    }
  }
}

function endedRun(response: StreamUserUpdatesResponse): Run | undefined {
  if (response.update.case !== "chat" || response.update.value.event.case !== "run") return undefined;
  const run = response.update.value.event.value;
  return run.state === RunState.RUNNING ? undefined : run;
}

async function withRetries<T>(
  clock: Clock,
  connect: Connect,
  act: string,
  call: (api: ApiClient) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let url = "";
  for (let tries = 0; ; tries++) {
    try {
      const api = await connect();
      url = api.url;
      return await call(api);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const ours = fromServer(error, act, url);
      if (!ours.row.retryable || tries >= TRIES || refused(error)) throw ours;
      await clock.sleep(backoffMs(tries, { baseMs: LIMITS.reconnectBaseMs, maxMs: LIMITS.startRetryMaxMs }), signal);
    }
  }
}

/** Nobody listens there: waiting will not help a person who typed the wrong address. */
function refused(error: unknown): boolean {
  return error instanceof ConnectError && /ECONNREFUSED|ENOTFOUND/.test(error.message);
}

function title(prompt: string): string {
  const line = prompt.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
