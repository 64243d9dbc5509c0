import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { FrameQueue } from "../../../src/daemon/frame-queue.ts";
import { heartbeatFrame, outputFrame } from "../../../src/daemon/gateway-frames.ts";

const output = (offset: number) =>
  outputFrame({ toolCallId: "call_1", channel: "stdout", offset, gapBytes: 0, data: new Uint8Array(0) });

async function drained(queue: FrameQueue): Promise<string[]> {
  queue.close();
  const seen: string[] = [];
  for await (const { frame } of queue) {
    if (frame.case === "heartbeat") seen.push(`beat ${frame.value.sequence}`);
    if (frame.case === "output") seen.push(`output ${frame.value.offset}`);
  }
  return seen;
}

describe("the frames of a connection", () => {
  test("control frames overtake, and each lane keeps its order", async () => {
    const queue = new FrameQueue();
    queue.pushOutput(output(1), 10);
    queue.pushControl(heartbeatFrame(1));
    queue.pushResult(output(2), 10);
    queue.pushControl(heartbeatFrame(2));
    expect(await drained(queue)).toEqual(["beat 1", "beat 2", "output 1", "output 2"]);
  });

  test("a reader that waits gets what comes", async () => {
    const queue = new FrameQueue();
    const reading = drained(queue);
    const late = new FrameQueue();
    const first = late[Symbol.asyncIterator]().next();
    late.pushControl(heartbeatFrame(7));
    expect((await first).value?.frame.case).toBe("heartbeat");
    expect(await reading).toEqual([]);
  });

  test("output that finds its bound is not taken; a result still is", () => {
    const queue = new FrameQueue();
    expect(queue.pushOutput(output(1), LIMITS.daemonOutputQueueBytes)).toBe(true);
    expect(queue.pushOutput(output(2), 1)).toBe(false);
    expect(queue.pushResult(output(3), 1)).toBe(true);
  });

  test("results find their bound too, but one alone always has room", async () => {
    const queue = new FrameQueue();
    expect(queue.pushResult(output(1), LIMITS.daemonResultQueueBytes * 2)).toBe(true);
    expect(queue.pushResult(output(2), 1)).toBe(false);
    await queue[Symbol.asyncIterator]().next();
    expect(queue.pushResult(output(2), 1)).toBe(true);
  });

  test("control frames are bounded in number", () => {
    const queue = new FrameQueue();
    for (let count = 0; count < LIMITS.daemonQueueFrames; count++) queue.pushControl(heartbeatFrame(count));
    expect(queue.pushControl(heartbeatFrame(0))).toBe(false);
  });

  test("nothing is taken after the end", () => {
    const queue = new FrameQueue();
    queue.close();
    expect([queue.pushControl(heartbeatFrame(1)), queue.pushOutput(output(1), 1)]).toEqual([false, false]);
  });
});
