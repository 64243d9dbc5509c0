import { describe, expect, test } from "bun:test";
import { APICallError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { type Asked, modelErrorOf } from "../../../src/models/ai-sdk-errors.ts";
import { retryAfterMs } from "../../../src/models/retry-after.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const ASKED: Asked = {
  name: "acme/m",
  vendor: "openai",
  keyVariable: "ACME_KEY",
  addressVariable: "ACME_URL",
  key: "sk-1",
  nowMs: NOW,
};

function answered(statusCode: number, responseBody = "{}", responseHeaders: Record<string, string> = {}) {
  const url = "https://api.acme.test/v1";
  return modelErrorOf(
    new APICallError({
      message: "it said no",
      url,
      requestBodyValues: { text: "secret chat" },
      statusCode,
      responseBody,
      responseHeaders,
    }),
    ASKED,
  );
}

describe("an error of a provider", () => {
  for (const [status, retryable, advice] of [
    [400, false, "it said no"],
    [401, false, "ACME_KEY"],
    [403, false, "ACME_KEY"],
    [404, false, "the model's name and ACME_URL"],
    [408, true, "it said no"],
    [413, false, "too large for this model"],
    [429, true, "too many requests"],
    [500, true, "it said no"],
    [529, true, "it said no"],
  ] as const) {
    test(`with status ${status} is ${retryable ? "to be asked again" : "final"}, and says what to do`, () => {
      const error = answered(status);
      expect(error.retryable).toBe(retryable);
      expect(error.message).toContain(`ask acme/m: it answered ${status}: it said no`);
      expect(error.message).toContain(advice);
    });
  }

  test("keeps nothing of the request", () => {
    expect(Bun.inspect(answered(500))).not.toContain("secret chat");
  });

  test("is final where the provider says so, or where the account is empty", () => {
    expect(answered(500, "{}", { "x-should-retry": "false" }).retryable).toBe(false);
    const empty = answered(429, '{"error":{"code":"insufficient_quota"}}');
    expect(empty.retryable).toBe(false);
    expect(empty.message).toContain("no credit left");
  });

  test("names where it redirects to, which is not followed", () => {
    const error = answered(308, "", { location: "https://elsewhere.test/" });
    expect(error.retryable).toBe(false);
    expect(error.message).toContain("redirects to https://elsewhere.test/");
    expect(error.message).toContain("ACME_URL");
  });

  test("shows the start of a body that is no JSON, on one line", () => {
    const error = answered(502, `<html>\n  Bad gateway ${"x".repeat(5000)}`);
    expect(error.message).toContain("<html> Bad gateway");
    expect(error.message.length).toBeLessThan(1000);
  });

  test("about what the provider cannot take is final", () => {
    const error = modelErrorOf(new UnsupportedFunctionalityError({ functionality: "audio" }), ASKED);
    expect(error.retryable).toBe(false);
    expect(error.message).toContain("audio");
  });

  test("of the network may be asked again, without the key", () => {
    const error = modelErrorOf(new TypeError("header 'sk-1' is bad"), ASKED);
    expect(error.retryable).toBe(true);
    expect(error.message).toContain("header '***' is bad");
  });

  test("in the stream is as retryable as it says", () => {
    expect(modelErrorOf({ message: "busy", code: "overloaded", isRetryable: true }, ASKED).retryable).toBe(true);
    const bad = modelErrorOf({ message: "bad", statusCode: 400, isRetryable: false }, ASKED);
    expect(bad.retryable).toBe(false);
    expect(bad.message).toContain("broke off with an error (400): bad");
  });
});

describe("the wait that a provider asks for", () => {
  for (const [what, headers, body, expected] of [
    ["milliseconds", { "retry-after-ms": "1500" }, "", 1500],
    ["seconds", { "retry-after": "7" }, "", 7000],
    ["parts of seconds", { "retry-after": "0.25" }, "", 250],
    ["a date", { "retry-after": new Date(NOW + 3000).toUTCString() }, "", 3000],
    ["a date that is past", { "retry-after": new Date(NOW - 3000).toUTCString() }, "", 0],
    ["Google's body", {}, '{"details":[{"@type":"RetryInfo","retryDelay":"37.5s"}]}', 37500],
    ["nothing", {}, "{}", undefined],
    ["nonsense", { "retry-after": "soon" }, "", undefined],
    ["a negative number", { "retry-after": "-5 s" }, "", undefined],
  ] as const) {
    test(`is read from ${what}`, () => {
      expect(retryAfterMs(headers, body, NOW)).toBe(expected);
    });
  }
});
