import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { createMessageCheck } from "../../../src/routing/message-check.ts";
import { decodeToolReply, decodeToolRequest, encodeToolRequest } from "../../../src/routing/tool-message.ts";

const address = { userId: "usr_1", daemonId: "dmn_1", epoch: 4 };
const request = {
  ...{ toolCallId: "call_1", chatId: "chat_1", userId: "usr_1", daemonId: "dmn_1", toolName: "shell" },
  ...{ inputJson: '{"command":"ls"}', roots: ["/home/ada"], timeoutMs: 1_500 },
};
const check = createMessageCheck();

describe("the body of a request", () => {
  test("comes back as it was", () => {
    expect(decodeToolRequest(encodeToolRequest(address, request), address, check)).toEqual({
      request,
      byReference: false,
    });
  });

  test("leaves a large input in the ledger", () => {
    const large = { ...request, inputJson: JSON.stringify("x".repeat(LIMITS.natsBodyBytes)) };
    const body = encodeToolRequest(address, large);
    expect(body.length).toBeLessThan(1_000);
    expect(decodeToolRequest(body, address, check)).toEqual({
      request: { ...request, inputJson: "" },
      byReference: true,
    });
  });

  test.each([
    ["not JSON", "{"],
    ["no message", "[]"],
    ["a field of the wrong type", '{"toolCallId":7}'],
    ["an id that is no token", encodeToolRequest(address, { ...request, toolCallId: "a.b" })],
    ["no tool name", encodeToolRequest(address, { ...request, toolName: "" })],
    ["no time", encodeToolRequest(address, { ...request, timeoutMs: 0 })],
    ["another epoch than its subject", encodeToolRequest({ ...address, epoch: 5 }, request)],
    ["another daemon than its subject", encodeToolRequest({ ...address, daemonId: "dmn_2" }, request)],
    ["another user than its subject", encodeToolRequest({ ...address, userId: "usr_2" }, request)],
    ["no invocation", '{"toolCallId":"call_1","userId":"usr_1","daemonId":"dmn_1","epoch":"4"}'],
  ])("is refused with %s", (_, body) => {
    expect(() => decodeToolRequest(body, address, check)).toThrow("read tool request");
  });
});

test("a reply that is none is not understood", () => {
  expect(decodeToolReply("nonsense")).toBeUndefined();
  expect(decodeToolReply('{"status":"STATUS_ACCEPTED"}')?.status).toBe(1);
});
