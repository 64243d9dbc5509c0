import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { RunState } from "../gen/reliant/v1/chat_pb.ts";
import type { ApiClients } from "../stack/stack-client.ts";

/** Runs of one user, driven through the API as a client does: each a new chat with one message, until its run has ended. */
export interface ChatRuns extends AsyncDisposable {
  /** Resolves with the chat's id when its run has succeeded; rejects when it ends otherwise, or the stream does. */
  run(request: { readonly text: string; readonly model: string; readonly projectId: string }): Promise<string>;
}

/** Opens the user's update stream, by which the ends of runs are heard. */
export async function openChatRuns(api: ApiClients, signal: AbortSignal): Promise<ChatRuns> {
  const waiting = new Map<string, PromiseWithResolvers<string>>();
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
      const { id, run } = update.value.event.value;
      if (run === undefined || run.state === RunState.RUNNING) continue;
      if (run.state === RunState.SUCCEEDED) waiting.get(id)?.resolve(id);
      else waiting.get(id)?.reject(new ReliantError("internal", `run chat ${id}: it ended: ${run.errorMessage}`));
      waiting.delete(id);
    }
  };
  const listening = listen().catch((error: unknown) => {
    opened.reject(error);
    const ended = new ReliantError("unavailable", `follow runs: the stream ended: ${messageOf(error)}`);
    for (const each of waiting.values()) each.reject(ended);
  });
  await opened.promise;
  return {
    run: async ({ text, model, projectId }) => {
      const chatId = newId("chat");
      const ended = Promise.withResolvers<string>();
      waiting.set(chatId, ended);
      // Its end is awaited below, or not at all where the message is not even accepted.
      ended.promise.catch(() => undefined);
      await api.chats.createChat({ chatId, model, projectId, blocks: [textBlock(text)] });
      return ended.promise;
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
