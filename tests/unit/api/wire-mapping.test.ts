import { expect, test } from "bun:test";
import { chatUpdateMessage } from "../../../src/api/wire-mapping.ts";
import type { ChatEvent } from "../../../src/chat/chat-update.ts";

test("a stored change of a kind that only newer servers know keeps its number, so that the stream has no gap", () => {
  const event: ChatEvent = JSON.parse('{"kind":"weather_changed","sky":"blue"}');
  const message = chatUpdateMessage({ chatId: "chat_1", sequence: 7, event });
  expect(message.sequence).toBe(7n);
  expect(message.event.case).toBeUndefined();
});
