import type { JsonObject, JsonValue } from "../../src/chat/json.ts";
import type { Usage } from "../../src/chat/message.ts";
import type { ModelSettings } from "../../src/models/model-catalog.ts";

/** One provider's streaming format, as it documents it. */
export interface ProviderWire {
  readonly name: string;
  /** `provider/model` */
  readonly model: string;
  settings(url: string): ModelSettings;
  readonly path: string;
  /** Header that carries the key. */
  readonly keyHeader: readonly [name: string, value: string];
  /** Variable that a message about a wrong key must name. */
  readonly keyVariable: string;
  /** The answer that thinks (where the format can), says "Let me look." and calls `shell` with {"command":"ls -l"}, in pieces. */
  readonly toolTurn: string;
  readonly thinking: string;
  /** The provider's own id of the call, where it gives one. */
  readonly callId: string | undefined;
  readonly toolTurnUsage: Usage;
  /** The answer "There is one file." */
  readonly answer: string;
  /** The start of an answer, up to some text, with no end. */
  readonly cut: string;
  /** The start of an answer, then an event that cannot be read. */
  readonly malformed: string;
  /** An error in the middle of the stream that the provider would have asked again for; undefined: not documented. */
  readonly midStreamError: string | undefined;
  error(status: number, message: string): JsonValue;
  /** What the first request must contain, next to the model and the key. */
  readonly firstBody: JsonObject;
  /** What the second request must contain: the answer with its call, and the result. */
  readonly secondBody: JsonObject;
}

export const TOOL_INPUT_SCHEMA = {
  type: "object",
  properties: { command: { type: "string" } },
  required: ["command"],
  additionalProperties: false,
} as const;
