import { z } from "zod";
import type { JsonValue } from "../chat/json.ts";
import type { ToolResult } from "../chat/message.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import type { CallEnding, Invocation } from "./journal.ts";

const ENDING = z.enum(["finished", "cancelled", "not_started", "timed_out", "gone", "denied"]);

const INVOCATION = z.object({
  toolName: z.string(),
  inputJson: z.string(),
  roots: z.array(z.string()),
  timeoutMs: z.number(),
  chatId: z.string(),
});

const JSON_VALUE: z.ZodType<JsonValue> = z.json();

const RESULT = z.object({
  text: z.string(),
  isError: z.boolean(),
  images: z.array(z.object({ mediaType: z.string(), data: z.string() })).optional(),
  details: JSON_VALUE.optional(),
});

/** The values of the journal's file as our types. Throws `internal` where the file was not written by us. */
export function readEnding(value: unknown): CallEnding {
  return read(ENDING, value, "ending");
}

export function readInvocation(text: string): Invocation {
  return read(INVOCATION, parse(text), "invocation");
}

export function readResult(text: string | null): ToolResult | undefined {
  if (text === null) return undefined;
  const { text: said, isError, images, details } = read(RESULT, parse(text), "result");
  return {
    text: said,
    isError,
    ...(images === undefined ? {} : { images }),
    ...(details === undefined ? {} : { details }),
  };
}

function read<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ReliantError("internal", `read journal: ${what} is damaged: ${z.prettifyError(parsed.error)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ReliantError("internal", `read journal: not JSON: ${messageOf(error)}`, { cause: error });
  }
}
