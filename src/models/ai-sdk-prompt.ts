import type {
  JSONValue,
  LanguageModelV4FilePart,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4TextPart,
  LanguageModelV4ToolResultPart,
  SharedV4ProviderOptions,
} from "@ai-sdk/provider";
import type { JsonValue } from "../chat/json.ts";
import type { ContentBlock, Message, ToolImage } from "../chat/message.ts";
import type { ToolDescription } from "../chat/tool-description.ts";
import { unreachable } from "../core/errors.ts";
import { isJsonObject } from "./json-border.ts";
import type { ModelRequest } from "./model-provider.ts";

/** What one provider's API can be told. */
export interface PromptStyle {
  /** Prefix of its models, as in `Message.model`. */
  readonly provider: string;
  /** Where images of a tool's result go: chat completions take text only in a result, so a user's message behind it shows them. */
  readonly toolImages: "in_result" | "behind_results";
  /** True where the API has a mark for a result that is an error. */
  readonly marksErrors: boolean;
  /** Sent with the system text and the last message: where a provider wants to be told how far to cache. */
  readonly cacheMark?: SharedV4ProviderOptions;
}

type Content<Role extends LanguageModelV4Message["role"]> = Extract<LanguageModelV4Message, { role: Role }>["content"];
type AssistantContent = Content<"assistant">;
type CallBlock = Extract<ContentBlock, { kind: "tool_call" }>;
type ResultBlock = Extract<ContentBlock, { kind: "tool_result" }>;

/** A call as this provider knows it. */
interface KnownCall {
  readonly name: string;
  readonly providerCallId: string;
}

/**
 * The request's system text and messages as the SDK's prompt. What only its own provider understands (thinking, the
 * provider's call ids) goes back to that provider alone: a chat may change its model.
 */
export function promptOf(request: ModelRequest, style: PromptStyle): LanguageModelV4Prompt {
  const calls = knownCalls(request.messages, style);
  const prompt: LanguageModelV4Prompt = [];
  if (request.system !== "") prompt.push({ role: "system", content: request.system });
  for (const message of request.messages) prompt.push(...messagesOf(message, calls, style));
  return style.cacheMark === undefined ? prompt : withCacheMarks(prompt, style.cacheMark);
}

/** The tools as the SDK's functions. */
export function functionsOf(tools: readonly ToolDescription[]): LanguageModelV4FunctionTool[] {
  return tools.map(({ name, description, inputSchema }) => ({
    type: "function",
    name,
    description,
    // Wire border: JSON Schema is JSON, the SDK's type of it only narrower.
    inputSchema: inputSchema as LanguageModelV4FunctionTool["inputSchema"],
  }));
}

function messagesOf(
  message: Message,
  calls: ReadonlyMap<string, KnownCall>,
  style: PromptStyle,
): LanguageModelV4Message[] {
  switch (message.role) {
    case "user": {
      const content = message.blocks.flatMap(userPart);
      return content.length === 0 ? [] : [{ role: "user", content }];
    }
    case "assistant": {
      const own = isOwn(message, style);
      const content = message.blocks.flatMap((block) => assistantPart(block, own, calls));
      return content.length === 0 ? [] : [{ role: "assistant", content }];
    }
    case "tool":
      return toolMessages(message, calls, style);
    default:
      return unreachable(message.role);
  }
}

function userPart(block: ContentBlock): (LanguageModelV4TextPart | LanguageModelV4FilePart)[] {
  switch (block.kind) {
    case "text":
      return block.text === "" ? [] : [{ type: "text", text: block.text }];
    case "image":
      return [imagePart(block)];
    case "file":
      return [filePart(block)];
    case "thinking":
    case "tool_call":
    case "tool_result":
      return [];
    default:
      return unreachable(block);
  }
}

function imagePart(image: ToolImage): LanguageModelV4FilePart {
  return { type: "file", mediaType: image.mediaType, data: { type: "data", data: image.data } };
}

/** Text goes as text: not every provider takes a text file. */
function filePart(file: Extract<ContentBlock, { kind: "file" }>): LanguageModelV4TextPart | LanguageModelV4FilePart {
  if (file.mediaType.startsWith("text/") || file.mediaType === "application/json") {
    const text = Buffer.from(file.data, "base64").toString("utf8");
    return { type: "text", text: `<file name=${JSON.stringify(file.name)}>\n${text}\n</file>` };
  }
  return { type: "file", filename: file.name, mediaType: file.mediaType, data: { type: "data", data: file.data } };
}

function assistantPart(block: ContentBlock, own: boolean, calls: ReadonlyMap<string, KnownCall>): AssistantContent {
  switch (block.kind) {
    case "text": {
      const provider = own ? providerOptions(block.providerData) : {};
      return block.text === "" && !own ? [] : [{ type: "text", text: block.text, ...provider }];
    }
    case "thinking":
      return own ? [{ type: "reasoning", text: block.text, ...providerOptions(block.providerData) }] : [];
    case "tool_call":
      return [
        {
          type: "tool-call",
          toolCallId: calls.get(block.toolCallId)?.providerCallId ?? block.toolCallId,
          toolName: block.name,
          input: isJsonObject(block.input) ? block.input : { input: block.input },
          ...(own ? providerOptions(block.providerData) : {}),
        },
      ];
    case "image":
    case "file":
    case "tool_result":
      return [];
    default:
      return unreachable(block);
  }
}

function toolMessages(
  message: Message,
  calls: ReadonlyMap<string, KnownCall>,
  style: PromptStyle,
): LanguageModelV4Message[] {
  const results = message.blocks.filter((block) => block.kind === "tool_result");
  if (results.length === 0) return [];
  const messages: LanguageModelV4Message[] = [
    { role: "tool", content: results.map((block) => resultPart(block, calls, style)) },
  ];
  if (style.toolImages === "behind_results") {
    const shown = results.flatMap((block) => imagesBehind(block, calls));
    if (shown.length > 0) messages.push({ role: "user", content: shown });
  }
  return messages;
}

function resultPart(
  block: ResultBlock,
  calls: ReadonlyMap<string, KnownCall>,
  style: PromptStyle,
): LanguageModelV4ToolResultPart {
  const call = calls.get(block.toolCallId);
  const images = style.toolImages === "in_result" ? (block.result.images ?? []) : [];
  const text = block.result.text === "" ? "(no output)" : block.result.text;
  const output: LanguageModelV4ToolResultPart["output"] =
    images.length > 0
      ? { type: "content", value: [{ type: "text", text }, ...images.map(imagePart)] }
      : { type: block.result.isError && style.marksErrors ? "error-text" : "text", value: text };
  return {
    type: "tool-result",
    toolCallId: call?.providerCallId ?? block.toolCallId,
    toolName: call?.name ?? "unknown",
    output,
  };
}

function imagesBehind(block: ResultBlock, calls: ReadonlyMap<string, KnownCall>): Content<"user"> {
  const images = block.result.images ?? [];
  if (images.length === 0) return [];
  const name = calls.get(block.toolCallId)?.name ?? "a tool";
  return [{ type: "text", text: `Images of the result of ${name}:` }, ...images.map(imagePart)];
}

function knownCalls(messages: readonly Message[], style: PromptStyle): Map<string, KnownCall> {
  const calls = new Map<string, KnownCall>();
  for (const message of messages) {
    for (const block of message.blocks.filter((one): one is CallBlock => one.kind === "tool_call")) {
      const providerCallId = isOwn(message, style) ? block.providerCallId : block.toolCallId;
      calls.set(block.toolCallId, { name: block.name, providerCallId });
    }
  }
  return calls;
}

/** An answer that names no model counts as this provider's. */
function isOwn(message: Message, style: PromptStyle): boolean {
  return message.model === undefined || message.model.startsWith(`${style.provider}/`);
}

function providerOptions(data: JsonValue | undefined): { providerOptions?: SharedV4ProviderOptions } {
  if (!isJsonObject(data)) return {};
  const options: SharedV4ProviderOptions = {};
  for (const [provider, value] of Object.entries(data)) {
    // Wire border: JSON both, but the SDK's type is mutable; it came from the SDK and goes back to it.
    if (isJsonObject(value)) options[provider] = value as Record<string, JSONValue>;
  }
  return { providerOptions: options };
}

function withCacheMarks(prompt: LanguageModelV4Prompt, mark: SharedV4ProviderOptions): LanguageModelV4Prompt {
  return prompt.map((message, index) =>
    message.role === "system" || index === prompt.length - 1 ? { ...message, providerOptions: mark } : message,
  );
}
