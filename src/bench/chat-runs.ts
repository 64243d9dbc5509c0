import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { RunState } from "../gen/reliant/v1/chat_pb.ts";
import type { ApiClients } from "../stack/stack-client.ts";

/** A run that has succeeded. */
export interface EndedRun {
  readonly chatId: string;
  readonly runId: string;
}

/** Runs of one user, driven through the API as a client does. Each rejects when its run ends otherwise, or the stream does. */
export interface ChatRuns extends AsyncDisposable {
  /** Runs that were asked for and whose end has not been heard. */
  readonly underWay: number;
  /** A new chat with one message, until its run has ended. */
  run(request: { readonly text: string; readonly model: string; readonly projectId: string }): Promise<EndedRun>;
  /** One more message of a chat that is at rest: its newest run is given. */
  goOn(last: EndedRun, text: string): Promise<EndedRun>;
}

interface Waiting extends PromiseWithResolvers<EndedRun> {
  /** A run that ended before: it may be told of again. */
  readonly lastRunId: string | undefined;
}

/** Opens the user's update stream, by which the ends of runs are heard. */
export async function openChatRuns(api: ApiClients, signal: AbortSignal): Promise<ChatRuns> {
  const waiting = new Map<string, Waiting>();
  const leave = new AbortController();
  const opened = Promise.withResolvers<void>();
  // A stream says nothing before its first update, so there is one.
  await api.chats.createChat({ title: "reliant bench", model: "scripted/bench" });
  const stream = api.updates.streamUserUpdates(
    { afterSequence: 0n, chats: [] },
    { signal: AbortSignal.any([signal, leave.signal]), onHeader: () => opened.resolve() },
  );
  const listen = async () => {
    for await (const { update } of stream) {
      if (update.case !== "user" || update.value.event.case !== "chatChanged") continue;
      const { id: chatId, run } = update.value.event.value;
      const found = waiting.get(chatId);
      if (found === undefined || run === undefined) continue;
      if (run.state === RunState.RUNNING || run.id === found.lastRunId) continue;
      if (run.state === RunState.SUCCEEDED) found.resolve({ chatId, runId: run.id });
      else found.reject(new ReliantError("internal", `run chat ${chatId}: it ended: ${run.errorMessage}`));
      waiting.delete(chatId);
    }
  };
  const listening = listen().catch((error: unknown) => {
    opened.reject(error);
    const ended = new ReliantError("unavailable", `follow runs: the stream ended: ${messageOf(error)}`);
    for (const each of waiting.values()) each.reject(ended);
  });
  await opened.promise;
  const follow = async (chatId: string, lastRunId: string | undefined, send: () => Promise<unknown>) => {
    const ended = { ...Promise.withResolvers<EndedRun>(), lastRunId };
    waiting.set(chatId, ended);
    // Its end is awaited below, or not at all where the message is not even accepted.
    ended.promise.catch(() => undefined);
    await send();
    return ended.promise;
  };
  return {
    get underWay() {
      return waiting.size;
    },
    run: ({ text, model, projectId }) => {
      const chatId = newId("chat");
      const blocks = [textBlock(text)];
      return follow(chatId, undefined, () => api.chats.createChat({ chatId, model, projectId, blocks }));
    },
    goOn: ({ chatId, runId }, text) => {
      return follow(chatId, runId, () => api.chats.sendMessage({ chatId, blocks: [textBlock(text)] }));
    },
    [Symbol.asyncDispose]: async () => {
      leave.abort();
      await listening;
    },
  };
}

/** The id of the user's project in that folder. */
export async function projectAt(api: ApiClients, path: string): Promise<string> {
  const { project } = await api.projects.createProject({ name: "bench", path });
  if (project === undefined) throw new ReliantError("internal", `make the project ${path}: none was given`);
  return project.id;
}

export function textBlock(text: string) {
  return { content: { case: "text", value: { text } } } as const;
}

/** Does `count` things, so many at once; answers how long all of them took, milliseconds. */
export async function driveAll(
  count: number,
  atOnce: number,
  act: (index: number) => Promise<unknown>,
): Promise<number> {
  const startedMs = performance.now();
  let next = 0;
  const caller = async () => {
    for (let index = next++; index < count; index = next++) await act(index);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, caller));
  return performance.now() - startedMs;
}
