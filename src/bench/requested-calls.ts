import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { Store } from "../store/store.ts";

/** A chat whose model has asked for so many calls of one tool: they stand in the ledger as requested. */
export async function requestCalls(
  store: Pick<Store, "chats" | "turns">,
  userId: string,
  count: number,
  tool: { readonly name: string; readonly input: Readonly<Record<string, string>> },
): Promise<{ readonly chatId: string; readonly callIds: readonly string[] }> {
  const chatId = newId("chat");
  await store.chats.create({ id: chatId, userId, title: "bench", model: "scripted/bench" });
  const blocks = [{ kind: "text", text: "read it" }] as const;
  const { run } = await store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks });
  const messageId = newId("msg");
  const begun = await store.turns.beginAnswer({ runId: run.id, messageId });
  if (begun.kind !== "begun") throw new ReliantError("internal", `ask for tool calls: the answer is ${begun.kind}`);
  const callIds = Array.from({ length: count }, () => newId("call"));
  await store.turns.completeAnswer(
    { messageId, attempt: begun.attempt },
    {
      state: "complete",
      blocks: callIds.map((id) => ({ kind: "tool_call", toolCallId: id, providerCallId: id, ...tool })),
    },
  );
  return { chatId, callIds };
}
