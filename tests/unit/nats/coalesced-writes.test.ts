import { describe, expect, test } from "bun:test";
import { coalesceWrites } from "../../../src/nats/coalesced-writes.ts";

describe("a connection whose writes are coalesced", () => {
  test("writes once a turn, however often it is asked to, and again in the next", () => {
    const turns: (() => void)[] = [];
    let writes = 0;
    const flushPending = () => {
      writes += 1;
    };
    const connection = { protocol: { flushPending } };
    expect(coalesceWrites(connection, (work) => void turns.push(work))).toBeTrue();
    for (let asked = 0; asked < 3; asked++) connection.protocol.flushPending();
    expect(writes).toBe(0);
    turns.shift()?.();
    expect(writes).toBe(1);
    connection.protocol.flushPending();
    turns.shift()?.();
    expect([writes, turns.length]).toEqual([2, 0]);
  });

  test("that is made in another way stays as it is", () => {
    expect(coalesceWrites({})).toBeFalse();
    expect(coalesceWrites({ protocol: { flush: () => undefined } })).toBeFalse();
  });
});
