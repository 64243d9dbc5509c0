import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import type { HubEvent } from "./update-hub.ts";

/** What one message between hubs says: an event, or that one was left out because it was too large. */
export type HubMessage = { readonly kind: "event"; readonly event: HubEvent } | { readonly kind: "lost" };

const count = z.number().int().nonnegative();
const userId = z.string();
const chatId = z.string();

const eventSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("chat_sequence"), userId, chatId, sequence: count }),
  z.object({ kind: z.literal("user_sequence"), userId, sequence: count }),
  z.object({
    kind: z.literal("delta"),
    userId,
    delta: z.object({
      chatId,
      messageId: z.string(),
      attempt: count,
      blockIndex: count,
      blockKind: z.enum(["text", "thinking", "tool_input"]),
      offset: count,
      text: z.string(),
      toolName: z.string().exactOptional(),
    }),
  }),
  z.object({
    kind: z.literal("tool_output"),
    userId,
    chunk: z.object({
      chatId,
      toolCallId: z.string(),
      channel: z.enum(["stdout", "stderr"]),
      offset: count,
      data: z.string(),
      gapBytes: count,
    }),
  }),
]);

const messageSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("event"), event: eventSchema }),
  z.object({ kind: z.literal("lost") }),
]);

const LOST = JSON.stringify({ kind: "lost" } satisfies HubMessage);

/** The body of an event; of one larger than `LIMITS.natsBodyBytes`, that something was lost. */
export function encodeHubEvent(event: HubEvent): string {
  const body = JSON.stringify({ kind: "event", event } satisfies HubMessage);
  return Buffer.byteLength(body) <= LIMITS.natsBodyBytes ? body : LOST;
}

/** Undefined for a body that is none of ours, or tells of another user than its subject. */
export function decodeHubMessage(body: string, subjectUserId: string): HubMessage | undefined {
  const parsed = messageSchema.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const message = parsed.data;
  return message.kind === "event" && message.event.userId !== subjectUserId ? undefined : message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
