import { expect, test } from "bun:test";
import { OutputFollower } from "../../../src/api/output-follower.ts";
import type { ToolOutputChunk } from "../../../src/chat/chat-update.ts";

const chunk = (offset: number, text: string, gapBytes = 0): ToolOutputChunk => ({
  chatId: "c",
  toolCallId: "t",
  channel: "stdout",
  offset,
  data: Buffer.from(text).toString("base64"),
  gapBytes,
});

const seen = (piece: ToolOutputChunk | undefined) =>
  piece === undefined ? undefined : [piece.offset, Buffer.from(piece.data, "base64").toString(), piece.gapBytes];

test("a byte of output is sent once, however often it comes", () => {
  const follower = new OutputFollower();
  expect(seen(follower.take(chunk(0, "abc")))).toEqual([0, "abc", 0]);
  expect(follower.take(chunk(0, "abc"))).toBeUndefined();
  expect(seen(follower.take(chunk(1, "bcde")))).toEqual([3, "de", 0]);
});

test("what is missing is a gap of that many bytes", () => {
  const follower = new OutputFollower();
  follower.take(chunk(0, "abc"));
  expect(seen(follower.take(chunk(10, "k")))).toEqual([10, "k", 7]);
});

test("a client that joins late is told the gap that the daemon told", () => {
  expect(seen(new OutputFollower().take(chunk(100, "x", 20)))).toEqual([100, "x", 20]);
});

test("nothing is sent of a call that has ended", () => {
  const follower = new OutputFollower();
  follower.settle("t");
  expect(follower.take(chunk(0, "late"))).toBeUndefined();
});

test("a call is begun once its client knows of it, and stays so when it has ended", () => {
  const follower = new OutputFollower();
  expect(follower.isBegun("t")).toBe(false);
  follower.begin("t");
  expect([follower.isBegun("t"), seen(follower.take(chunk(100, "x", 20)))]).toEqual([true, [100, "x", 20]]);
  follower.begin("t");
  expect(follower.take(chunk(100, "x"))).toBeUndefined();
  follower.settle("t");
  expect(follower.isBegun("t")).toBe(true);
});
