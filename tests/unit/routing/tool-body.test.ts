import { describe, expect, test } from "bun:test";
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import {
  ToolExecutionReply_Status,
  ToolExecutionReplySchema,
  ToolExecutionRequestSchema,
} from "../../../src/gen/reliant/v1/tool_pb.ts";
import {
  encodeReplyBody,
  encodeRequestBody,
  type RequestBody,
  readReplyBody,
  readRequestBody,
} from "../../../src/routing/tool-body.ts";

const validator = createValidator();
const text = fc.string({ unit: "grapheme", maxLength: 160 });
const id = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/) },
  { weight: 1, arbitrary: text },
);
const body: fc.Arbitrary<RequestBody> = fc.record({
  ...{ toolCallId: id, userId: id, daemonId: id, byReference: fc.boolean(), inputJson: text },
  epoch: fc.oneof(
    fc.integer({ min: -1, max: 1000 }),
    fc.maxSafeNat().map((large) => large % 10 ** 15),
  ),
  toolName: fc.oneof(fc.constantFrom("shell", "", "x".repeat(128), "x".repeat(129)), text),
  roots: fc.oneof(fc.array(text, { maxLength: 3 }), fc.constant(Array.from({ length: 65 }, () => "/a"))),
  timeoutMs: fc.constantFrom(-1, 0, 1, 60_000, 86_400_000, 86_400_001),
  chatId: fc.oneof(fc.constantFrom("", "chat_1", "x".repeat(129)), text),
});

function message({ toolCallId, userId, daemonId, epoch, byReference, ...rest }: RequestBody) {
  const invocation = { ...rest, roots: [...rest.roots], timeoutMs: BigInt(rest.timeoutMs) };
  const fields = { toolCallId, userId, daemonId, epoch: BigInt(epoch), byReference, invocation };
  return create(ToolExecutionRequestSchema, fields);
}

describe("the body of a tool request", () => {
  test("is read by the library as it was meant", () => {
    fc.assert(
      fc.property(body, (each) => {
        const read = fromJsonString(ToolExecutionRequestSchema, encodeRequestBody(each));
        expect(read).toEqual(message(each));
      }),
    );
  });

  test("that the library wrote is read the same, or not at all where a rule of the proto file is broken", () => {
    fc.assert(
      fc.property(body, (each) => {
        const written = message(each);
        const read = readRequestBody(toJsonString(ToolExecutionRequestSchema, written));
        const valid = validator.validate(ToolExecutionRequestSchema, written).kind === "valid";
        if (read === undefined) return !valid || each.toolName.length > 128 || each.chatId.length > 128;
        return valid && Bun.deepEquals(read, each);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["is no JSON", "{"],
    ["is a list", "[]"],
    ["names a field in the other way", '{"tool_call_id":"call_1"}'],
    [
      "has a number where protobuf writes text",
      '{"toolCallId":"c","userId":"u","daemonId":"d","epoch":1,"invocation":{}}',
    ],
    ["has a field that is not known", `{"later":1,${encodeRequestBody(usual()).slice(1)}`],
  ])("that %s is left to the library", (_, odd) => {
    expect(readRequestBody(encodeRequestBody(usual()))).toEqual(usual());
    expect(readRequestBody(odd)).toBeUndefined();
  });
});

describe("the body of a reply", () => {
  const status = fc.constantFrom(1, 2, 3, 4, 5).map((number): ToolExecutionReply_Status => number);
  const reply = fc.record({ toolCallId: text, status, message: text });

  test("is the same as the library's, both ways", () => {
    fc.assert(
      fc.property(reply, (each) => {
        const written = encodeReplyBody(each);
        expect(fromJsonString(ToolExecutionReplySchema, written)).toEqual(create(ToolExecutionReplySchema, each));
        const library = toJsonString(ToolExecutionReplySchema, create(ToolExecutionReplySchema, each));
        expect(readReplyBody(library)).toEqual(each);
      }),
    );
  });

  test("of a status that is not known, or in another form, is left to the library", () => {
    expect(readReplyBody('{"status":"STATUS_LATER"}')).toBeUndefined();
    expect(readReplyBody('{"tool_call_id":"call_1","status":"STATUS_DONE"}')).toBeUndefined();
    expect(readReplyBody("null")).toBeUndefined();
    expect(
      readReplyBody(encodeReplyBody({ toolCallId: "", status: ToolExecutionReply_Status.DONE, message: "" })),
    ).toEqual({
      ...{ toolCallId: "", status: ToolExecutionReply_Status.DONE, message: "" },
    });
  });
});

function usual(): RequestBody {
  return {
    ...{ toolCallId: "call_1", userId: "usr_ada", daemonId: "dmn_1", epoch: 3, byReference: false },
    ...{ toolName: "shell", inputJson: "{}", roots: ["/home"], timeoutMs: 1000, chatId: "chat_1" },
  };
}
