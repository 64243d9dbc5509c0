import type { Message, ToolResult } from "../chat/message.ts";
import type { Conversation, Script, TextMatch, Turn } from "./script.ts";

/** What a script sees of a chat: the conversation under way, and how far it is. */
export interface ScriptView {
  readonly conversation: Conversation;
  /** From 0: the answers since the message that began the conversation. */
  readonly turnIndex: number;
  /** Undefined where the conversation has no more turns. */
  readonly turn: Turn | undefined;
  readonly lastUser: string;
  /** Latest result of the call with this label, or else of the tool with this name, since the conversation began. */
  result(call: string): ToolResult | undefined;
}

/**
 * Finds the turn to play: a pure function of the messages, so that each worker and each attempt finds the same.
 * The latest user's message that fits a conversation's match began that conversation; where none fits, the
 * conversation without match began with the chat. Undefined where there is none.
 */
export function scriptView(script: Script, messages: readonly Message[]): ScriptView | undefined {
  const begun = findBegin(script, messages);
  if (begun === undefined) return undefined;
  const since = messages.slice(begun.at);
  const turnIndex = since.filter((message) => message.role === "assistant").length;
  const lastUser = textOf(messages.findLast((message) => message.role === "user"));
  const results = resultsOf(since);
  return {
    conversation: begun.conversation,
    turnIndex,
    turn: begun.conversation.turns[turnIndex],
    lastUser,
    result: (call) => results.get(`label ${call}`) ?? results.get(`tool ${call}`),
  };
}

/** The provider's id of a scripted call carries its label. */
export function scriptedCallId(turnIndex: number, index: number, label: string | undefined): string {
  return `scripted-${turnIndex}-${index}${label === undefined ? "" : `-${label}`}`;
}

export function fits(text: string, match: TextMatch): boolean {
  if (match.contains !== undefined && !text.includes(match.contains)) return false;
  if (match.equals !== undefined && text.trim() !== match.equals.trim()) return false;
  return match.matches === undefined || new RegExp(match.matches, "u").test(text);
}

function findBegin(
  script: Script,
  messages: readonly Message[],
): { readonly conversation: Conversation; readonly at: number } | undefined {
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at];
    if (message?.role !== "user") continue;
    const text = textOf(message);
    const conversation = script.conversations.find(({ match }) => match !== undefined && fits(text, match));
    if (conversation !== undefined) return { conversation, at };
  }
  const open = script.conversations.find(({ match }) => match === undefined);
  return open === undefined ? undefined : { conversation: open, at: 0 };
}

function textOf(message: Message | undefined): string {
  const blocks = message?.blocks ?? [];
  return blocks.flatMap((block) => (block.kind === "text" ? [block.text] : [])).join("\n");
}

function resultsOf(messages: readonly Message[]): Map<string, ToolResult> {
  const keys = new Map<string, readonly string[]>();
  const results = new Map<string, ToolResult>();
  for (const block of messages.flatMap((message) => message.blocks)) {
    if (block.kind === "tool_call") {
      const label = /^scripted-\d+-\d+-(.+)$/.exec(block.providerCallId)?.[1];
      const tool = `tool ${block.name}`;
      keys.set(block.toolCallId, label === undefined ? [tool] : [tool, `label ${label}`]);
    }
    if (block.kind !== "tool_result") continue;
    for (const key of keys.get(block.toolCallId) ?? []) results.set(key, block.result);
  }
  return results;
}
