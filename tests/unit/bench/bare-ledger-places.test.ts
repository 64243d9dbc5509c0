import { describe, expect, test } from "bun:test";
import { type StatementSender, withPlaces } from "../../../src/bench/gateway/bare-ledger-places.ts";

const sentBy = (...senders: readonly StatementSender[]) =>
  senders.map((sender, index) => ({ sender, text: `${index}` }));

describe("the places of a call's recorded statements", () => {
  test("the worker's come before the request and after the reply, the gateway's with ready and result", () => {
    const placed = withPlaces(sentBy("worker", "worker", "gateway", "gateway", "worker"));
    expect(placed.map(({ text, place }) => `${text} ${place}`)).toEqual([
      "0 before_request",
      "1 before_request",
      "2 ready",
      "3 result",
      "4 after_reply",
    ]);
  });

  test.each([
    ["none at all", sentBy()],
    ["a gateway that sent one", sentBy("worker", "gateway", "worker")],
    ["a gateway that sent three", sentBy("worker", "gateway", "gateway", "gateway", "worker")],
    ["a worker that looked between the gateway's two", sentBy("worker", "gateway", "worker", "gateway", "worker")],
    ["none of the worker before the gateway's", sentBy("gateway", "gateway", "worker")],
    ["none of the worker behind the gateway's", sentBy("worker", "gateway", "gateway")],
  ])("%s is no recording of a call", (_, statements) => {
    expect(() => withPlaces(statements)).toThrow(/record a call: its statements were sent by/);
  });
});
