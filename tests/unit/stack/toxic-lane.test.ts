import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ToxicLane } from "../../../src/stack/toxic-lane.ts";
import type { LaneEvent } from "../../../src/stack/toxic-pacer.ts";
import type { Toxic } from "../../../src/stack/toxics.ts";

const direction = "upstream";

function data(text: string): LaneEvent {
  return { kind: "data", bytes: Buffer.from(text) };
}

function textOf(event: LaneEvent): string {
  return event.kind === "data" ? Buffer.from(event.bytes).toString() : event.kind;
}

function laneWith(toxics: readonly Toxic[], random = () => 0.5): ToxicLane {
  const lane = new ToxicLane(random);
  lane.setToxics(toxics, 0);
  return lane;
}

/** All that is due until `untilMs`, each with the moment when it came out. */
function drain(lane: ToxicLane, untilMs: number): [number, string][] {
  const out: [number, string][] = [];
  for (let nowMs = lane.nextAtMs; nowMs <= untilMs; nowMs = lane.nextAtMs) {
    for (let event = lane.take(nowMs); event !== undefined; event = lane.take(nowMs)) {
      out.push([Math.round(nowMs), textOf(event)]);
    }
  }
  return out;
}

describe("a lane of a toxic proxy", () => {
  test("with nothing in force lets everything out as it comes in", () => {
    const lane = laneWith([]);
    lane.receive(data("ab"), 7);
    lane.receive({ kind: "end" }, 7);
    expect(drain(lane, 7)).toEqual([
      [7, "ab"],
      [7, "end"],
    ]);
    expect(lane.isClear).toBe(true);
  });

  test("latency makes each chunk late, and keeps the order when the jitter would turn it", () => {
    const chances = [1, 0, 0.5];
    const lane = laneWith([{ direction, kind: "latency", latencyMs: 100, jitterMs: 50 }], () => chances.shift() ?? 0.5);
    lane.receive(data("a"), 0);
    lane.receive(data("b"), 10);
    lane.receive(data("c"), 200);
    expect(drain(lane, 1000)).toEqual([
      [150, "a"],
      [150, "b"],
      [300, "c"],
    ]);
  });

  test("bandwidth lets out what its rate allows, in tenths of a second", () => {
    const lane = laneWith([{ direction, kind: "bandwidth", bytesPerSecond: 20 }]);
    lane.receive(data("abcde"), 0);
    lane.receive(data("f"), 0);
    expect(drain(lane, 1000)).toEqual([
      [100, "ab"],
      [200, "cd"],
      [250, "e"],
      [300, "f"],
    ]);
  });

  test("a slicer cuts into pieces with a pause between", () => {
    const lane = laneWith([{ direction, kind: "slicer", averageBytes: 2, variationBytes: 0, delayMs: 10 }]);
    lane.receive(data("abcde"), 0);
    lane.receive({ kind: "end" }, 0);
    expect(drain(lane, 1000)).toEqual([
      [0, "ab"],
      [10, "cd"],
      [20, "e"],
      [30, "end"],
    ]);
  });

  test("a time-out of nothing holds everything until it is taken away, and then nothing is missing", () => {
    const lane = laneWith([{ direction, kind: "timeout", afterMs: 0 }]);
    lane.receive(data("ab"), 5);
    lane.receive({ kind: "end" }, 6);
    expect(lane.nextAtMs).toBe(Number.POSITIVE_INFINITY);
    expect(lane.queuedBytes).toBe(2);
    lane.setToxics([], 500);
    expect(drain(lane, 500)).toEqual([
      [500, "ab"],
      [500, "end"],
    ]);
  });

  test("a time-out closes the connection after its time, and what it held is gone", () => {
    const lane = laneWith([{ direction, kind: "timeout", afterMs: 50 }]);
    lane.receive(data("ab"), 5);
    expect(drain(lane, 1000)).toEqual([[50, "close"]]);
    expect(lane.queuedBytes).toBe(0);
    lane.receive(data("more"), 60);
    expect(lane.take(1000)).toBeUndefined();
  });

  test("reset_peer lets data pass until it strikes", () => {
    const lane = laneWith([{ direction, kind: "reset_peer", afterMs: 30 }]);
    lane.receive(data("ab"), 5);
    expect(drain(lane, 1000)).toEqual([
      [5, "ab"],
      [30, "reset"],
    ]);
  });

  test("limit_data closes when exactly so many bytes have passed", () => {
    const lane = laneWith([{ direction, kind: "limit_data", bytes: 5 }]);
    lane.receive(data("abc"), 1);
    lane.receive(data("defg"), 2);
    lane.receive(data("h"), 3);
    expect(drain(lane, 10)).toEqual([
      [1, "abc"],
      [2, "de"],
      [2, "close"],
    ]);
  });

  test("limit_data goes on counting when another toxic is added", () => {
    const limit: Toxic = { direction, kind: "limit_data", bytes: 3 };
    const lane = laneWith([limit]);
    lane.receive(data("ab"), 1);
    drain(lane, 1);
    lane.setToxics([limit, { direction, kind: "latency", latencyMs: 10, jitterMs: 0 }], 5);
    lane.receive(data("cd"), 6);
    expect(drain(lane, 100)).toEqual([
      [16, "c"],
      [16, "close"],
    ]);
  });

  test("slow_close delays the end and nothing else", () => {
    const lane = laneWith([{ direction, kind: "slow_close", delayMs: 40 }]);
    lane.receive(data("ab"), 1);
    lane.receive({ kind: "end" }, 1);
    expect(drain(lane, 100)).toEqual([
      [1, "ab"],
      [41, "end"],
    ]);
  });

  test("toxics apply one after the other", () => {
    const lane = laneWith([
      { direction, kind: "latency", latencyMs: 100, jitterMs: 0 },
      { direction, kind: "slicer", averageBytes: 1, variationBytes: 0, delayMs: 5 },
    ]);
    lane.receive(data("ab"), 0);
    expect(drain(lane, 1000)).toEqual([
      [100, "a"],
      [105, "b"],
    ]);
  });

  const pacing: fc.Arbitrary<Toxic> = fc.oneof(
    fc.record({
      direction: fc.constant<"upstream">(direction),
      kind: fc.constant<"latency">("latency"),
      latencyMs: fc.nat(200),
      jitterMs: fc.nat(300),
    }),
    fc.record({
      direction: fc.constant<"upstream">(direction),
      kind: fc.constant<"bandwidth">("bandwidth"),
      bytesPerSecond: fc.integer({ min: 1, max: 5000 }),
    }),
    fc.record({
      direction: fc.constant<"upstream">(direction),
      kind: fc.constant<"slicer">("slicer"),
      averageBytes: fc.integer({ min: 1, max: 50 }),
      variationBytes: fc.nat(50),
      delayMs: fc.nat(20),
    }),
    fc.constant<Toxic>({ direction, kind: "timeout", afterMs: 0 }),
  );
  const act = fc.oneof(
    fc.record({ kind: fc.constant<"data">("data"), size: fc.nat(200) }),
    fc.record({ kind: fc.constant<"toxics">("toxics"), toxics: fc.array(pacing, { maxLength: 3 }) }),
    fc.record({ kind: fc.constant<"wait">("wait"), ms: fc.nat(300) }),
  );

  test("loses, doubles and turns nothing, whatever toxics come and go while data is under way", () => {
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 30 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (acts, chances) => {
          const lane = new ToxicLane(() => chances.next().value ?? 0.5);
          let [nowMs, sent, got, newest] = [0, "", "", 0];
          const look = () => {
            for (let event = lane.take(nowMs); event !== undefined; event = lane.take(nowMs)) got += textOf(event);
          };
          for (const one of acts) {
            if (one.kind === "wait") nowMs += one.ms;
            else if (one.kind === "toxics") lane.setToxics(one.toxics, nowMs);
            else {
              const text = Array.from({ length: one.size }, () => String.fromCharCode(97 + (newest++ % 26))).join("");
              sent += text;
              lane.receive(data(text), nowMs);
            }
            look();
            expect(lane.queuedBytes).toBe(sent.length - got.length);
          }
          expect(sent.startsWith(got)).toBe(true);
          lane.setToxics([], nowMs);
          look();
          expect(got).toBe(sent);
          expect(lane.isClear).toBe(true);
        },
      ),
    );
  });
});
