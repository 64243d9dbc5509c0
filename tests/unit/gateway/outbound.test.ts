import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { Outbound, OutboundFrames } from "../../../src/gateway/outbound.ts";

const grant = (toolCallId: string) => ({ case: "grant", value: { toolCallId } }) as const;
const ack = (toolCallId: string) => ({ case: "ack", value: { toolCallId } }) as const;

async function rest(outbound: Outbound): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { frame } of new OutboundFrames(outbound)) kinds.push(frame.case ?? "none");
  return kinds;
}

describe("frames on their way out", () => {
  test("keep their order, and control frames overtake", async () => {
    const outbound = new Outbound();
    outbound.push(grant("call_1"));
    outbound.push({ case: "offer", value: { toolCallId: "call_2" } });
    outbound.pushControl(ack("call_3"));
    outbound.close();
    expect(await rest(outbound)).toEqual(["ack", "grant", "offer"]);
  });

  test("wake the reader that waits", async () => {
    const outbound = new Outbound();
    const next = new OutboundFrames(outbound).next();
    outbound.push(grant("call_1"));
    expect((await next).value?.frame).toMatchObject(grant("call_1"));
  });

  test("that may wait for another one wake the reader when many wait", () => {
    const outbound = new Outbound();
    let woken = 0;
    outbound.read({ ready: () => woken++, closing: () => undefined, cut: () => undefined });
    for (let index = 1; index < LIMITS.outboundLaterFrames; index++) outbound.pushLater(ack(`call_${index}`));
    expect(woken).toBe(0);
    outbound.pushLater(ack("the last that waits"));
    expect(woken).toBe(1);
  });

  test("are bounded in number and bytes, one that is alone always fits", () => {
    const many = new Outbound();
    for (let index = 0; index < LIMITS.outboundFrames; index++) expect(many.push(grant("call_1"))).toBeTrue();
    expect(many.push(grant("call_1"))).toBeFalse();
    for (let index = 0; index < LIMITS.outboundFrames; index++) expect(many.pushControl(ack("call_1"))).toBeTrue();
    expect(many.pushControl(ack("call_1"))).toBeFalse();
    const large = new Outbound();
    expect(large.push(grant("call_1"), LIMITS.outboundBytes + 1)).toBeTrue();
    expect(large.push(grant("call_1"), 1)).toBeFalse();
  });

  test("are read to the end, then comes the error that closed them", async () => {
    const outbound = new Outbound();
    outbound.push(grant("call_1"));
    outbound.close(new Error("the token was revoked"));
    const frames = new OutboundFrames(outbound);
    expect((await frames.next()).done).toBeFalse();
    await expect(frames.next()).rejects.toThrow("the token was revoked");
    expect((await frames.next()).done).toBeTrue();
  });

  test("are held by nobody once they are taken, though others always wait", async () => {
    const outbound = new Outbound();
    const frames: WeakRef<object>[] = [];
    outbound.push(grant("call_0"));
    let taken = 0;
    for (let index = 1; index <= 100_000; index++) {
      const frame = grant(`call_${index}`);
      if (index % 1000 === 0) frames.push(new WeakRef(frame));
      outbound.push(frame);
      if (typeof outbound.take() === "object") taken += 1;
    }
    expect(taken).toBe(100_000);
    // WeakRefs hold until their turn of the event loop ends.
    await new Promise((resolve) => setImmediate(resolve));
    Bun.gc(true);
    // Conservative: what the stack still shows may live on.
    expect(frames.filter((frame) => frame.deref() !== undefined).length).toBeLessThan(10);
    expect(outbound.take()).toEqual(grant("call_100000"));
  });

  test("are told to be the last", () => {
    const told: string[] = [];
    const reader = {
      ready: () => told.push("ready"),
      closing: () => told.push("closing"),
      cut: () => told.push("cut"),
    };
    const outbound = new Outbound();
    outbound.read(reader);
    outbound.push(grant("call_1"));
    expect(outbound.isClosed).toBeFalse();
    outbound.close();
    expect(outbound.isClosed).toBeTrue();
    outbound.read(reader);
    expect(told).toEqual(["ready", "closing", "closing"]);
  });

  test("are dropped by a cut, and by a reader that goes", async () => {
    const cut = new Outbound();
    cut.push(grant("call_1"));
    cut.cut(new Error("superseded"));
    await expect(new OutboundFrames(cut).next()).rejects.toThrow("superseded");
    const left = new Outbound();
    left.push(grant("call_1"));
    const frames = new OutboundFrames(left);
    await frames.return();
    expect(left.push(grant("call_2"))).toBeFalse();
    expect((await frames.next()).done).toBeTrue();
  });
});
