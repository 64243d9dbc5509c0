import type { ContentBlock, Message } from "./message.ts";

/**
 * The messages of a chat in the order in which a model must see them: the results of an answer's tool calls directly
 * behind it, in the order of the calls, then what the user wrote meanwhile. `messages` come in the order of their
 * positions. Answers without content (cancelled or failed before the first word) are left out, and so are tool calls
 * of an answer that was cut off, because they never got a result.
 */
export function modelTranscript(messages: readonly Message[]): Message[] {
  const results = new Map<string, ToolResultBlock>();
  for (const message of messages) {
    for (const block of message.blocks) {
      if (block.kind === "tool_result") results.set(block.toolCallId, block);
    }
  }
  const ordered: Message[] = [];
  for (const message of messages) {
    if (message.role === "user") ordered.push(message);
    if (message.role !== "assistant" || message.state === "open") continue;
    const blocks = message.blocks.filter((block) => block.kind !== "tool_call" || results.has(block.toolCallId));
    if (!blocks.some((block) => block.kind !== "thinking")) continue;
    ordered.push({ ...message, blocks });
    const answers = blocks.flatMap((block) => {
      const result = block.kind === "tool_call" ? results.get(block.toolCallId) : undefined;
      return result === undefined ? [] : [result];
    });
    if (answers.length > 0) ordered.push(toolMessage(message, answers));
  }
  return ordered;
}

type ToolResultBlock = Extract<ContentBlock, { kind: "tool_result" }>;

function toolMessage(answer: Message, blocks: readonly ToolResultBlock[]): Message {
  return {
    id: `${answer.id}-results`,
    chatId: answer.chatId,
    position: answer.position,
    role: "tool",
    state: "complete",
    blocks,
    createdAtMs: answer.createdAtMs,
  };
}
