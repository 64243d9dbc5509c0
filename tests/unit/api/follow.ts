import { type StreamItem, UserStream } from "../../../src/api/user-stream.ts";
import { type ManualClock, settle } from "../../support/manual-clock.ts";
import type { StreamedChat } from "./streamed-chat.ts";

/** Clients that a test has not let go. */
export const leaving = new Set<AbortController>();

export async function leaveAll(): Promise<void> {
  for (const leave of leaving) leave.abort();
  leaving.clear();
  await settle();
}

/** A client that reads as fast as it can, from that number on, until it leaves. */
export function follow(
  chat: StreamedChat,
  clock: ManualClock,
  after = 0,
  mayGoOn: () => Promise<number | undefined> = async () => undefined,
) {
  const stream = new UserStream(
    { store: chat.store, hub: chat, clock, mayGoOn },
    { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: after }] },
  );
  const leave = new AbortController();
  leaving.add(leave);
  const got: StreamItem[] = [];
  const read = async () => {
    for await (const item of stream.items(leave.signal)) got.push(item);
  };
  return { got, stream, leave: () => leave.abort(), ended: read().catch((error: unknown) => error) };
}
