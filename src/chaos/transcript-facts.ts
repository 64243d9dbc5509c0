import { timestampMs } from "@bufbuild/protobuf/wkt";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { type Message, Role, ToolCallState } from "../gen/reliant/v1/chat_pb.ts";
import type { CallEnd, CallFact } from "./facts.ts";
import { lastWords, markInInput } from "./turn-plan.ts";

/** The tool calls of a chat, in their order, each with what stands in the chat for it. */
export function callFacts(messages: readonly Message[]): CallFact[] {
  const results = messages.flatMap((message) =>
    message.blocks.flatMap(({ content }) =>
      content.case === "toolResult" ? [{ message, result: content.value }] : [],
    ),
  );
  let turn: Message | undefined;
  return messages.flatMap((message) => {
    if (message.role === Role.USER) turn = message;
    return message.blocks.flatMap(({ content }): CallFact[] => {
      if (content.case !== "toolCall") return [];
      const own = results.filter(({ result }) => result.toolCallId === content.value.toolCallId);
      const first = own[0]?.result;
      const mark = markInInput(content.value.inputJson);
      const text = first?.result?.text ?? "";
      return [
        {
          toolCallId: content.value.toolCallId,
          mark,
          end: first === undefined ? "open" : (ENDS[first.state] ?? "open"),
          hasExitCode: /"exitCode":/.test(first?.result?.detailsJson ?? ""),
          isWhole: mark !== undefined && text.includes(lastWords(mark)),
          told: text.slice(0, TRIAL_LIMITS.chaosToldCharacters),
          results: own.length,
          askedAfterMs: apartMs(turn, message),
          endedAfterMs: apartMs(turn, own[0]?.message),
        },
      ];
    });
  });
}

function apartMs(from: Message | undefined, to: Message | undefined): number | undefined {
  if (from?.createdAt === undefined || to?.createdAt === undefined) return undefined;
  return timestampMs(to.createdAt) - timestampMs(from.createdAt);
}

/** The texts of all answers of the model. */
export function answerTexts(messages: readonly Message[]): string[] {
  return messages
    .filter((message) => message.role === Role.ASSISTANT)
    .flatMap((message) =>
      message.blocks.flatMap(({ content }) => (content.case === "text" ? [content.value.text] : [])),
    );
}

const ENDS: { readonly [S in ToolCallState]?: CallEnd } = {
  [ToolCallState.SUCCEEDED]: "succeeded",
  [ToolCallState.FAILED]: "failed",
  [ToolCallState.DENIED]: "denied",
  [ToolCallState.CANCELLED]: "cancelled",
  [ToolCallState.TIMED_OUT]: "timed_out",
  [ToolCallState.UNKNOWN]: "unknown",
};
