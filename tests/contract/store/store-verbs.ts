import type { Chat, ContentBlock } from "../../../src/chat/message.ts";
import { newId } from "../../../src/core/ids.ts";
import type { HelloClaim } from "../../../src/store/daemons.ts";
import type { Store } from "../../../src/store/store.ts";
import type { BeginAnswer } from "../../../src/store/turns.ts";

/** What tests of the store do again and again, in words. */

export async function aUser(store: Store): Promise<string> {
  return (await store.users.findOrCreate({ issuer: "test", subject: newId("usr") })).id;
}

export async function aChat(store: Store, userId?: string): Promise<Chat> {
  return store.chats.create({
    id: newId("chat"),
    userId: userId ?? (await aUser(store)),
    title: "A chat",
    model: "scripted/test",
  });
}

export function say(store: Store, chat: Chat, text: string, messageId = newId("msg")) {
  return store.chats.sendMessage({
    userId: chat.userId,
    chatId: chat.id,
    messageId,
    blocks: [{ kind: "text", text }],
  });
}

export function text(value: string): ContentBlock {
  return { kind: "text", text: value };
}

export function toolCallBlock(toolCallId: string, input: { readonly [key: string]: string } = {}): ContentBlock {
  return { kind: "tool_call", toolCallId, providerCallId: `provider-${toolCallId}`, name: "shell", input };
}

/** Begins an answer that must begin. */
export async function begin(
  store: Store,
  runId: string,
  messageId = newId("msg"),
): Promise<Extract<BeginAnswer, { kind: "begun" }> & { readonly messageId: string }> {
  const begun = await store.turns.beginAnswer({ runId, messageId });
  if (begun.kind !== "begun") throw new Error(`the answer ${messageId} was not begun, it is ${begun.kind}`);
  return { ...begun, messageId };
}

/** A chat whose model asks for tool calls: the rows stand as `requested`. */
export async function aChatWithCalls(store: Store, count: number, userId?: string) {
  const chat = await aChat(store, userId);
  const { run } = await say(store, chat, "use your tools");
  const answer = await begin(store, run.id);
  const callIds = Array.from({ length: count }, () => newId("call"));
  await store.turns.completeAnswer(
    { messageId: answer.messageId, attempt: answer.attempt },
    { state: "complete", blocks: callIds.map((id) => toolCallBlock(id, { command: "true" })) },
  );
  return { chat, run, answerId: answer.messageId, callIds };
}

export function aClaim(userId: string, changes: Partial<HelloClaim> = {}): HelloClaim {
  return {
    userId,
    daemonId: newId("dmn"),
    lastEpoch: 0,
    instanceId: newId("ins"),
    journalId: newId("jrn"),
    startCount: 1,
    gatewayId: newId("gtw"),
    name: "laptop",
    labels: { os: "linux" },
    platform: "linux-x64",
    version: "0.1.0",
    ...changes,
  };
}

/** A daemon that said hello and is connected; answers its fence and journal. */
export async function aDaemon(store: Store, userId: string, nowMs: number, changes: Partial<HelloClaim> = {}) {
  const claim = aClaim(userId, changes);
  const answer = await store.daemons.hello(claim);
  if (answer.kind !== "taken") throw new Error(`the daemon's hello was answered ${answer.kind}`);
  const fence = { daemonId: claim.daemonId, epoch: answer.epoch };
  await store.daemons.markConnected(fence, nowMs);
  return { fence, claim, journalId: claim.journalId };
}

export async function dispatch(store: Store, toolCallId: string, daemonId: string, nowMs: number) {
  return store.toolCalls.dispatch({ toolCallId, daemonId, timeoutMs: 60_000, deadlineAtMs: nowMs + 120_000 });
}

/** All updates of a chat, and a fault where their numbers have a gap or a double. */
export async function updatesOf(store: Store, chatId: string) {
  const updates = await store.updates.chatUpdates(chatId, 0, 500);
  const numbers = updates.map(({ sequence }) => sequence);
  const expected = numbers.map((_, index) => index + 1);
  if (JSON.stringify(numbers) !== JSON.stringify(expected)) throw new Error(`numbers of ${chatId}: ${numbers}`);
  return updates;
}

/** The error of a promise that must reject. */
export async function errorOf(
  promise: Promise<unknown>,
): Promise<{ readonly code: unknown; readonly message: string }> {
  const outcome = await promise.then(
    () => undefined,
    (error) => error,
  );
  if (!(outcome instanceof Error) || !("code" in outcome)) throw new Error(`no error with a code, but ${outcome}`);
  return { code: outcome.code, message: outcome.message };
}
