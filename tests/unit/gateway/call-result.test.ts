import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { LIMITS } from "../../../src/core/limits.ts";
import { resultOf } from "../../../src/gateway/call-result.ts";
import { ToolResultSchema } from "../../../src/gen/reliant/v1/tool_pb.ts";

const read = (text: string, detailsJson = "") => resultOf(create(ToolResultSchema, { text, detailsJson }));

describe("a tool's result, as a daemon tells it", () => {
  // No network stands between the monolith and its own daemon to mend the text.
  test("holds no half characters: providers refuse a transcript with one", () => {
    expect(read("cut \ud83d")?.text).toBe("cut \ufffd");
  });

  test("keeps what is within the bounds as it is", () => {
    expect(read("a\u0000b \u{1f600}", '{"exitCode":0}')).toEqual({
      ...{ text: "a\u0000b \u{1f600}", isError: false, details: { exitCode: 0 } },
    });
  });

  test("loses facts that are no JSON, too large, or nested too deep to be written again", () => {
    expect(read("t", "{")).not.toHaveProperty("details");
    expect(read("t", JSON.stringify("x".repeat(LIMITS.toolDetailsBytes)))).not.toHaveProperty("details");
    const nested = (depth: number) => read("t", "[".repeat(depth) + "]".repeat(depth));
    expect(nested(LIMITS.toolDetailsNesting)).toHaveProperty("details");
    expect(nested(LIMITS.toolDetailsNesting + 1)).not.toHaveProperty("details");
  });
});
