import type { JsonValue } from "../../src/chat/json.ts";
import type { ContentBlock, Message, ToolResult, Usage } from "../../src/chat/message.ts";
import type { FinishReason, ModelEvent } from "../../src/models/model-provider.ts";

/** What a stream of events adds up to. */
export interface Answer {
  readonly blocks: readonly ContentBlock[];
  readonly reason: FinishReason;
  readonly usage: Usage;
}

type Draft = { kind: "text" | "thinking" | "tool_call"; text: string; callId: string; name: string; ended: boolean };

/** Adds the events up, and throws where they break the port's rules: numbers, order, what follows the end. */
export async function answerOf(events: AsyncIterable<ModelEvent>): Promise<Answer> {
  const drafts: Draft[] = [];
  const blocks: ContentBlock[] = [];
  let end: Extract<ModelEvent, { kind: "finish" }> | undefined;
  const begin = (index: number, draft: Omit<Draft, "text" | "ended">) => {
    if (index !== drafts.length) throw new Error(`block ${index} began as number ${drafts.length}`);
    drafts.push({ ...draft, text: "", ended: false });
  };
  const open = (index: number): Draft => {
    const draft = drafts[index];
    if (draft === undefined || draft.ended) throw new Error(`block ${index} is not open`);
    return draft;
  };
  for await (const event of events) {
    if (end !== undefined) throw new Error(`${event.kind} came behind finish`);
    switch (event.kind) {
      case "block_started":
        begin(event.index, { kind: event.block, callId: "", name: "" });
        break;
      case "tool_call_started":
        begin(event.index, { kind: "tool_call", callId: event.providerCallId, name: event.name });
        break;
      case "delta":
        open(event.index).text += event.text;
        break;
      case "block_ended": {
        const draft = open(event.index);
        draft.ended = true;
        blocks[event.index] = blockOf(draft, event.index, event.input, event.providerData);
        break;
      }
      case "finish":
        end = event;
    }
  }
  if (end === undefined) throw new Error("the events ended without finish");
  if (drafts.some((draft) => !draft.ended)) throw new Error("a block was left open");
  return { blocks, reason: end.reason, usage: end.usage };
}

function blockOf(
  draft: Draft,
  index: number,
  input: JsonValue | undefined,
  providerData: JsonValue | undefined,
): ContentBlock {
  const data = providerData === undefined ? {} : { providerData };
  if (draft.kind !== "tool_call") return { kind: draft.kind, text: draft.text, ...data };
  if (input === undefined) throw new Error("a tool call ended without input");
  return {
    kind: "tool_call",
    toolCallId: `call_ours_${index}`,
    providerCallId: draft.callId,
    name: draft.name,
    input,
    ...data,
  };
}

export function userMessage(text: string): Message {
  return message("user", [{ kind: "text", text }]);
}

export function assistantMessage(blocks: readonly ContentBlock[], model?: string): Message {
  return { ...message("assistant", blocks), ...(model === undefined ? {} : { model }) };
}

/** The results of all calls of the answer, the same for each. */
export function resultsMessage(blocks: readonly ContentBlock[], result: Partial<ToolResult>): Message {
  const calls = blocks.filter((block) => block.kind === "tool_call");
  return message(
    "tool",
    calls.map(({ toolCallId }) => ({
      kind: "tool_result",
      toolCallId,
      outcome: result.isError === true ? "failed" : "succeeded",
      result: { text: "", isError: false, ...result },
    })),
  );
}

function message(role: Message["role"], blocks: readonly ContentBlock[]): Message {
  return { id: "msg_1", chatId: "chat_1", position: 1, role, state: "complete", blocks, createdAtMs: 0 };
}
