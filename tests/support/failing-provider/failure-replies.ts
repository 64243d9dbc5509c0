import type { FailureKind } from "../../../src/models/provider-failures.ts";
import type { FailingWire, Reply, ToldFailure } from "./failing-wire.ts";

/** How a row is played; a string says why this vendor cannot show it. */
export type Played = readonly Reply[] | "unreachable" | { readonly why: string };

/** Each row of the table, as one vendor shows it: all its ways. */
export function failureReplies(failing: FailingWire): Readonly<Record<FailureKind, Played>> {
  const { wire } = failing;
  const told = (kind: ToldFailure): readonly Reply[] =>
    failing.told[kind].map(({ status, body }) => ({ kind: "answer", status, body }));
  const event = (kind: FailingWire["errorEvent"]["kind"]): readonly Reply[] =>
    failing.errorEvent.kind === kind ? [proper(failing.errorEvent.text)] : [];
  return {
    quota_spent: told("quota_spent"),
    wrong_key: told("wrong_key"),
    context_too_long: told("context_too_long"),
    unknown_model: told("unknown_model"),
    rate_limited: told("rate_limited"),
    overloaded: [...told("overloaded"), ...event("overloaded")],
    provider_timed_out: told("provider_timed_out"),
    server_error: [...told("server_error"), ...event("server_error")],
    bad_request: told("bad_request"),
    bad_gateway: [
      {
        kind: "answer",
        status: 502,
        body: "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
      },
    ],
    redirected: [{ kind: "answer", status: 307, headers: { location: "https://elsewhere.test/v1" }, body: "" }],
    error_event: unnamedError(failing),
    unreachable: "unreachable",
    broke_off: [
      proper(wire.cut),
      proper(""),
      proper(failing.callBrokenOff),
      { kind: "stream", text: wire.cut, end: "reset" },
      { kind: "stream", text: "", end: "reset" },
    ],
    silent: [
      { kind: "stream", text: wire.cut, end: "silence" },
      { kind: "stream", text: "", end: "silence" },
    ],
    unreadable: [proper(wire.malformed)],
    bad_end: failing.badEnd === undefined ? { why: "its format has no such end" } : [proper(failing.badEnd)],
    unsupported: { why: "the driver finds it out before anything is sent: tests/unit/models/ai-sdk-errors.test.ts" },
    refused: [proper(failing.refusal)],
    cut_by_length: [proper(failing.tooLong), proper(failing.callTooLong), proper(failing.callNotBegun)],
  };
}

function proper(text: string): Reply {
  return { kind: "stream", text, end: "proper" };
}

/** An error in the stream that no row knows by name. */
function unnamedError({ vendor, wire }: FailingWire): Played {
  const error = { message: "something went wrong", type: "strange_error" };
  switch (vendor) {
    case "anthropic":
      return [proper(`${wire.cut}event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`)];
    case "compatible":
      return [proper(`${wire.cut}data: ${JSON.stringify({ error })}\n\n`)];
    case "openai":
      return { why: "the SDK takes an error of this format without a known code for a 500" };
    case "google":
      return { why: "an error of this format has a number, or it is not of the documented shape" };
  }
}
