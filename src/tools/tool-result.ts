import type { JsonValue } from "../chat/json.ts";
import type { ToolResult } from "../chat/message.ts";

/** A result that went well. NUL is replaced: databases do not take it in text. */
export function succeeded(text: string, details?: JsonValue): ToolResult {
  return { text: storable(text), isError: false, ...(details === undefined ? {} : { details }) };
}

/** A tool that ran and failed: the text tells the model what to do. */
export function failed(text: string, details?: JsonValue): ToolResult {
  return { text: storable(text), isError: true, ...(details === undefined ? {} : { details }) };
}

function storable(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}

/** `1 line`, `3 lines`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** The code of a system error, `ENOENT` say. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
