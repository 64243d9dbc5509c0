import { namedEvents } from "../../contract/model-provider-server.ts";
import {
  anthropicBegin,
  anthropicEnd,
  anthropicText,
  anthropicWire,
} from "../../contract/model-provider-wire-anthropic.ts";
import { CUT_COMMAND, type FailingWire, type Told } from "./failing-wire.ts";

/** https://docs.anthropic.com/en/api/errors */
function told(status: number, type: string, message: string): Told {
  return { status, body: JSON.stringify({ type: "error", error: { type, message }, request_id: "req_1" }) };
}

function callBegun(index: number, name: string, json: string): string {
  return namedEvents(
    {
      type: "content_block_start",
      index,
      content_block: { type: "tool_use", id: `toolu_${index}`, name, input: {} },
    },
    ...(json === ""
      ? []
      : [{ type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: json } }]),
  );
}
const stop = (index: number) => namedEvents({ type: "content_block_stop", index });

export const failingAnthropic: FailingWire = {
  vendor: "anthropic",
  wire: anthropicWire,
  told: {
    quota_spent: [
      told(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
      told(402, "billing_error", "There is an issue with your billing."),
    ],
    wrong_key: [
      told(401, "authentication_error", "invalid x-api-key"),
      told(403, "permission_error", "Your API key does not have permission to use the specified resource."),
    ],
    context_too_long: [
      told(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
      told(400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000"),
      told(413, "request_too_large", "Request exceeds the maximum size"),
    ],
    unknown_model: [told(404, "not_found_error", "model: claude-nobody")],
    rate_limited: [told(429, "rate_limit_error", "This request would exceed your rate limit")],
    overloaded: [told(529, "overloaded_error", "Overloaded")],
    provider_timed_out: [told(504, "timeout_error", "The request timed out")],
    server_error: [told(500, "api_error", "Internal server error")],
    bad_request: [told(400, "invalid_request_error", "messages: text content blocks must be non-empty")],
  },
  errorEvent: { text: anthropicWire.midStreamError ?? "", kind: "overloaded" },
  badEnd: undefined,
  refusal: anthropicBegin + anthropicText(0, "I would rather") + anthropicEnd("refusal"),
  tooLong: anthropicBegin + anthropicText(0, "Let") + anthropicEnd("max_tokens"),
  callBrokenOff: anthropicBegin + callBegun(0, "shell", CUT_COMMAND),
  callTooLong: anthropicBegin + callBegun(0, "shell", CUT_COMMAND) + stop(0) + anthropicEnd("max_tokens"),
  callNotBegun: anthropicBegin + callBegun(0, "list_files", "") + stop(0) + anthropicEnd("max_tokens"),
  calls: (commands) =>
    anthropicBegin +
    commands.map((command, index) => callBegun(index, "shell", JSON.stringify({ command })) + stop(index)).join("") +
    anthropicEnd("tool_use"),
  partialUsage: { inputTokens: 30 },
};
