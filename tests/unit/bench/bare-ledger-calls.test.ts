import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { BareFrame } from "../../../src/bench/gateway/bare-calls.ts";
import { BareLedgerCalls } from "../../../src/bench/gateway/bare-ledger-calls.ts";
import type { CallStatement, StatementPlace } from "../../../src/bench/gateway/ledger-options.ts";
import { type ConnectRequest, ConnectRequestSchema } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";

type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;
const message = (frame: Frame): ConnectRequest => create(ConnectRequestSchema, { frame });

const statement = (place: StatementPlace): CallStatement => ({ place, text: place, values: [] });
const STATEMENTS = { ready: [statement("ready")], result: [statement("result")] };

/** Bare calls behind a ledger whose statements end when they are told to; `said`: what happened, in its order. */
function setUp() {
  const said: string[] = [];
  const open: { done(): void; fail(error: Error): void }[] = [];
  const ledger = {
    replay: (
      statements: readonly CallStatement[],
      call: { readonly toolCallId?: string; readonly daemonId?: string },
    ) => {
      said.push(`${statements.map(({ text }) => text).join()} of ${call.toolCallId} on ${call.daemonId}`);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      open.push({ done: resolve, fail: reject });
      return promise;
    },
  };
  const taken = { take: ({ frame }: ConnectRequest) => void said.push(`took ${frame.case}`) };
  const calls = new BareLedgerCalls(taken, ledger, STATEMENTS, (error) => void said.push(String(error)));
  const put = (frame: BareFrame) => {
    if (frame.case === "grant") said.push(`put grant of ${frame.value.toolCallId} at ${frame.value.stamp?.wallMs}`);
  };
  return { said, open, take: (frame: Frame) => calls.take("dmn_1", message(frame), put) };
}

describe("calls of the bare chain", () => {
  test("a hello goes on at once", () => {
    const { said, take } = setUp();
    take({ case: "hello", value: { daemonId: "dmn_1" } });
    expect(said).toEqual(["took hello"]);
  });

  test("a ready is granted with its own time when its statement is done, and not before", async () => {
    const { said, open, take } = setUp();
    take({ case: "ready", value: { toolCallId: "call_1", stamp: { wallMs: 7n, monotonicMs: 5n } } });
    await Promise.resolve();
    expect(said).toEqual(["ready of call_1 on dmn_1"]);
    open[0]?.done();
    await eventually("the grant", () => said.length > 1);
    expect(said.slice(1)).toEqual(["put grant of call_1 at 7"]);
  });

  test("a result goes on to be acknowledged and answered when its statement is done, and not before", async () => {
    const { said, open, take } = setUp();
    take({ case: "result", value: { toolCallId: "call_1" } });
    await Promise.resolve();
    expect(said).toEqual(["result of call_1 on dmn_1"]);
    open[0]?.done();
    await eventually("the result's way on", () => said.length > 1);
    expect(said.slice(1)).toEqual(["took result"]);
  });

  test("a statement that throws is told, and its frame goes no further", async () => {
    const { said, open, take } = setUp();
    take({ case: "ready", value: { toolCallId: "call_1" } });
    open[0]?.fail(new Error("no row"));
    await eventually("what is told", () => said.length > 1);
    expect(said).toEqual(["ready of call_1 on dmn_1", "Error: no row"]);
  });
});
