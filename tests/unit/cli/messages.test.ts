import { describe, expect, test } from "bun:test";
import { errorText, wantsJson, wantsStack, warningLine } from "../../../src/cli/messages.ts";
import { ReliantError } from "../../../src/core/errors.ts";

describe("an error at the command line", () => {
  test("says what failed and what to do next", () => {
    const error = new ReliantError("unavailable", "connect NATS: refused", { hint: "Is it running?" });
    expect(errorText(error, { format: "text", stack: false })).toBe("reliant: connect NATS: refused\n  Is it running?");
  });

  test("that nobody expected tells how to see where it happened", () => {
    expect(errorText(new Error("boom"), { format: "text", stack: false })).toBe(
      "reliant: unexpected error: boom\n  LOG_LEVEL=debug shows where it happened",
    );
  });

  test("shows its stack and its causes to those who debug", () => {
    const lines = errorText(new Error("outer", { cause: new Error("inner") }), { format: "text", stack: true });
    expect(lines).toMatch(/at .*messages\.test\.ts[\s\S]*caused by:\n[\s\S]*inner/);
  });
});

describe("who debugs", () => {
  test.each([
    [[], {}, false],
    [[], { LOG_LEVEL: "DEBUG" }, true],
    [["--log-level", "debug"], {}, true],
    [["--log-level=debug"], {}, true],
    [["--log-level=info"], { LOG_LEVEL: "debug" }, false],
  ])("arguments %p and variables %p: %p", (argv, env, expected) => {
    expect(wantsStack(argv, env)).toBe(expected);
  });
});

test("a warning takes the form of the log lines that follow it", () => {
  expect(warningLine("odd", "text")).toBe("reliant: warning: odd");
  expect(JSON.parse(warningLine("odd", "json", 0))).toEqual({
    "@timestamp": "1970-01-01T00:00:00.000Z",
    level: "WARN",
    message: "odd",
    logger: "reliant.settings",
    properties: {},
  });
});

test("an error takes the form of the log lines before it", () => {
  const error = new ReliantError("unavailable", "connect NATS: refused", { hint: "Is it running?" });
  expect(JSON.parse(errorText(error, { format: "json", stack: false }, 0))).toEqual({
    "@timestamp": "1970-01-01T00:00:00.000Z",
    level: "ERROR",
    message: "connect NATS: refused",
    logger: "reliant",
    properties: { code: "unavailable", hint: "Is it running?" },
  });
});

test.each([
  [[], {}, false],
  [[], { LOG_FORMAT: "JSON" }, true],
  [["--log-format", "json"], {}, true],
  [["--log-format=text"], { LOG_FORMAT: "json" }, false],
])("arguments %p and variables %p want JSON: %p", (argv, env, expected) => {
  expect(wantsJson(argv, env)).toBe(expected);
});
