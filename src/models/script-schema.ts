import { z } from "zod";
import type { JsonObject } from "../chat/json.ts";
import { LIMITS } from "../core/limits.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

const regex = z.string().refine(isRegex, "not a regular expression (JavaScript's, with the u flag)");
const milliseconds = z.int().min(0).max(LIMITS.modelCallMs);
const chunk = z.int().min(1).describe("Characters of one delta; without it the text comes in one piece");
const paceMs = milliseconds.describe("Wait before each delta, milliseconds");

const matchFields = {
  contains: z.string().optional(),
  equals: z.string().optional(),
  matches: regex.optional().describe("Regular expression, found anywhere in the text"),
};
const textMatch = z
  .union([z.string().describe("The text contains this"), z.strictObject(matchFields)])
  .describe("What a text must be; all that is given must hold");

const resultMatch = z.union([
  z.string().describe("The result's text contains this"),
  z.strictObject({ ...matchFields, is_error: z.boolean().optional() }),
]);

const toolCall = z
  .strictObject({
    name: z.string().min(1),
    id: z.string().regex(NAME).optional().describe("Label of this call, for `results`, `capture` and templates"),
    input: z.json().optional().describe("The tool's input; texts in it may hold templates"),
    input_text: z.string().optional().describe("In place of `input`: sent as it stands, to play input that is no JSON"),
  })
  .refine((call) => call.input === undefined || call.input_text === undefined, "give input or input_text, not both");

const failure = z.strictObject({
  message: z.string().min(1),
  status: z.int().min(400).max(599).optional().describe("HTTP status to tell"),
  retryable: z.boolean().optional().describe("Without it: true for 408, 409, 429, from 500 on, and without a status"),
  retry_after_ms: milliseconds.optional(),
  attempts: z.int().min(1).optional().describe("Fails in the first attempts only, this many; without it always"),
});

const ACTS = ["thinking", "text", "tool_call", "delay_ms", "error"] as const;

const step = z
  .strictObject({
    thinking: z.string().optional(),
    text: z.string().optional(),
    tool_call: toolCall.optional(),
    delay_ms: milliseconds.optional(),
    error: failure.optional().describe("The provider fails here"),
    chunk: chunk.optional(),
    pace_ms: paceMs.optional(),
  })
  .superRefine((value, context) => {
    const acts = ACTS.filter((act) => value[act] !== undefined);
    if (acts.length !== 1) {
      const found = acts.length === 0 ? "none of them" : acts.join(" and ");
      context.addIssue({ code: "custom", message: `a step has one of ${ACTS.join(", ")}; this one has ${found}` });
    }
  });

const turn = z.strictObject({
  expect: z
    .strictObject({
      last_user: textMatch.optional().describe("The user's last message"),
      system: textMatch.optional().describe("The system text"),
      messages: z.int().min(1).optional().describe("How many messages were sent"),
      tools: z.array(z.string()).optional().describe("Tools that must be among those offered"),
      results: z
        .record(z.string(), resultMatch)
        .optional()
        .describe("Results, by label of the call or name of the tool"),
    })
    .optional()
    .describe("What the model must have been sent; else the run ends with a diff"),
  capture: z
    .record(
      z.string().regex(NAME),
      z.strictObject({
        result: z
          .string()
          .optional()
          .describe("Label of the call or name of the tool; without it the user's last message"),
        matches: regex.describe("The value is its first group, or all that it found"),
      }),
    )
    .optional()
    .describe("Values for templates, {{name}}, in this turn and later ones"),
  steps: z.array(step),
  usage: z
    .strictObject({
      input: z.int().min(0).optional(),
      output: z.int().min(0).optional(),
      cached: z.int().min(0).optional(),
      reasoning: z.int().min(0).optional(),
    })
    .optional()
    .describe("Tokens to tell; what is left out is 0"),
  stop: z.enum(["stop", "tool_calls", "length", "refusal", "other"]).optional(),
});

const turns = z.array(turn).min(1).describe("The model's answers, in order");

/** How a script is written. */
export const scriptSchema = z
  .strictObject({
    $schema: z.string().optional(),
    description: z.string().optional(),
    defaults: z.strictObject({ chunk: chunk.optional(), pace_ms: paceMs.optional() }).optional(),
    turns: turns.optional(),
    conversations: z
      .array(
        z.strictObject({
          match: textMatch.optional().describe("A user's message that fits begins this conversation"),
          turns,
        }),
      )
      .min(1)
      .optional(),
  })
  .superRefine((script, context) => {
    if ((script.turns === undefined) === (script.conversations === undefined)) {
      context.addIssue({ code: "custom", message: "a script has either turns or conversations" });
    }
    const open = script.conversations?.flatMap(({ match }, index) => (match === undefined ? [index] : [])) ?? [];
    for (const index of open.slice(1)) {
      const message = "only one conversation may be without match: it takes every chat that no other one takes";
      context.addIssue({ code: "custom", path: ["conversations", index], message });
    }
  });

export type WrittenScript = z.output<typeof scriptSchema>;
export type WrittenTurn = z.output<typeof turn>;
export type WrittenStep = z.output<typeof step>;
export type WrittenMatch = z.output<typeof textMatch>;

/** The format as JSON Schema, for editors; `scripted.schema.json` is this. */
export function scriptJsonSchema(): JsonObject {
  const schema = z.toJSONSchema(scriptSchema, { target: "draft-7", io: "input", reused: "ref" });
  return JSON.parse(JSON.stringify({ title: "Script of a scripted model", ...schema }));
}

function isRegex(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}
