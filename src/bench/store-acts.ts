import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { Store } from "../store/store.ts";
import type { Growth } from "./figures.ts";

type OnChat = (store: Store, userId: string, chatId: string) => Promise<unknown>;

/** Something that people do with a chat, and whether it may cost more where the chat is longer. */
export interface WatchedAct {
  readonly name: string;
  readonly mayBe: Growth["mayBe"];
  readonly flatFrom?: Growth["flatFrom"];
  /** Not measured: what must be before it, and what puts the chat back to rest. */
  readonly prepare?: OnChat;
  readonly act: OnChat;
  readonly settle?: OnChat;
}

const TEXT = [{ kind: "text", text: "one more" }] as const;
const PAGE = 50;

/** Only reading the context for the model may grow with the chat. */
export const WATCHED_ACTS: readonly WatchedAct[] = [
  { name: "opening a chat", mayBe: "flat", flatFrom: { size: PAGE, because: "a page fills up" }, act: openChat },
  { name: "sending a message", mayBe: "flat", act: send, settle: answer },
  { name: "looking what to do", mayBe: "flat", act: (store, _, chatId) => store.turns.view(chatId) },
  { name: "reading the context", mayBe: "linear", prepare: send, act: begin, settle: complete },
  { name: "storing the answer", mayBe: "flat", prepare: beginNew, act: complete },
];

/** As a client does: the chat, its newest page, and its update stream from there. */
async function openChat(store: Store, userId: string, chatId: string): Promise<void> {
  const { sequence } = await store.chats.get(userId, chatId);
  await store.chats.listMessages({ userId, chatId, afterPosition: 0, newest: true, limit: PAGE });
  await store.updates.lastSequences({ userIds: [userId], chatIds: [chatId] });
  await store.updates.chatUpdates(chatId, sequence, PAGE);
  await store.updates.liveBlocks(chatId);
  await store.updates.liveOutput(chatId);
}

async function send(store: Store, userId: string, chatId: string): Promise<void> {
  const { outboxId } = await store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks: TEXT });
  if (outboxId !== undefined) await store.outbox.done([outboxId]);
}

async function begin(store: Store, _: string, chatId: string): Promise<void> {
  const { run } = await store.turns.view(chatId);
  if (run === undefined) throw new ReliantError("internal", `begin an answer of ${chatId}: no run is under way`);
  await store.turns.beginAnswer({ runId: run.id, messageId: newId("msg") });
}

async function complete(store: Store, _: string, chatId: string): Promise<void> {
  const { answer: open } = await store.turns.view(chatId);
  if (open === undefined) throw new ReliantError("internal", `complete an answer of ${chatId}: none is open`);
  await store.turns.completeAnswer({ messageId: open.messageId, attempt: 1 }, { state: "complete", blocks: TEXT });
}

async function beginNew(store: Store, userId: string, chatId: string): Promise<void> {
  await send(store, userId, chatId);
  await begin(store, userId, chatId);
}

async function answer(store: Store, userId: string, chatId: string): Promise<void> {
  await begin(store, userId, chatId);
  await complete(store, userId, chatId);
}
