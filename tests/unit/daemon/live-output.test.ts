import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { LiveOutput } from "../../../src/daemon/live-output.ts";
import { type ConnectRequest, type Output, Output_Channel } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { ManualClock } from "../../support/manual-clock.ts";

class OutputWorld {
  readonly clock = new ManualClock();
  readonly chunks: Output[] = [];
  hasRoom = true;
  readonly output = new LiveOutput("call_1", this.clock, (frame) => this.push(frame));

  write(text: string, channel: "stdout" | "stderr" = "stdout"): void {
    this.output.write(channel, new TextEncoder().encode(text));
  }

  get texts(): string[] {
    return this.chunks.map(({ data }) => new TextDecoder().decode(data));
  }

  private push({ frame }: ConnectRequest): boolean {
    if (this.hasRoom && frame.case === "output") this.chunks.push(frame.value);
    return this.hasRoom;
  }
}

const MIB = "x".repeat(1024 * 1024);

describe("the live output of a call", () => {
  test("goes at once, then in one piece for what comes within the pace", async () => {
    const world = new OutputWorld();
    for (const text of ["a", "b", "c"]) world.write(text);
    expect(world.texts).toEqual(["a"]);
    await world.clock.advance(LIMITS.deltaMs);
    expect(world.texts).toEqual(["a", "bc"]);
    expect(world.chunks.map(({ offset }) => Number(offset))).toEqual([0, 1]);
  });

  test("keeps the order of the two channels", () => {
    const world = new OutputWorld();
    world.write("a");
    world.write("b");
    world.write("c", "stderr");
    world.output.close();
    expect(world.texts).toEqual(["a", "b", "c"]);
    expect(world.chunks.map(({ channel }) => channel)).toEqual([
      Output_Channel.STDOUT,
      Output_Channel.STDOUT,
      Output_Channel.STDERR,
    ]);
  });

  test("comes in chunks of at most 64 KiB, and no more than the credit", () => {
    const world = new OutputWorld();
    world.write(MIB);
    expect(Math.max(...world.chunks.map(({ data }) => data.length))).toBe(LIMITS.outputChunkBytes);
    expect(world.texts.join("").length).toBe(LIMITS.outputCreditBytes);
  });

  test("goes on with new credit, and says how much is missing in between", () => {
    const world = new OutputWorld();
    world.write(MIB);
    world.output.grant(10);
    world.write("0123456789abc", "stderr");
    const last = world.chunks.at(-1);
    expect(world.texts.at(-1)).toBe("0123456789");
    expect([Number(last?.offset), Number(last?.gapBytes)]).toEqual([MIB.length, MIB.length - LIMITS.outputCreditBytes]);
  });

  test("says at the end what is missing there", () => {
    const world = new OutputWorld();
    world.write(MIB);
    world.output.close();
    const last = world.chunks.at(-1);
    expect([last?.data.length, Number(last?.gapBytes)]).toEqual([0, MIB.length - LIMITS.outputCreditBytes]);
  });

  test("counts what finds no room, and costs no credit for it", () => {
    const world = new OutputWorld();
    world.hasRoom = false;
    world.write(MIB);
    world.hasRoom = true;
    world.write(MIB, "stderr");
    expect(world.texts.join("").length).toBe(LIMITS.outputCreditBytes);
    expect(Number(world.chunks[0]?.gapBytes)).toBe(MIB.length);
  });

  test("has its whole credit again on a new connection", () => {
    const world = new OutputWorld();
    world.write(MIB);
    world.output.reconnected();
    world.write("more");
    world.output.close();
    expect(world.texts.join("").length).toBe(LIMITS.outputCreditBytes + 4);
  });

  test("takes a copy: what the tool does with its buffer later does not matter", async () => {
    const world = new OutputWorld();
    world.write("first");
    const buffer = new TextEncoder().encode("mine");
    world.output.write("stdout", buffer);
    buffer.fill(0);
    await world.clock.advance(LIMITS.deltaMs);
    expect(world.texts.at(-1)).toBe("mine");
  });

  test("is silent after its end", () => {
    const world = new OutputWorld();
    world.output.close();
    world.write("late");
    expect(world.chunks).toEqual([]);
  });
});
