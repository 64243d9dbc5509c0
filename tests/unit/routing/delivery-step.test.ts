import { describe, expect, test } from "bun:test";
import { type DeliveryView, nextDeliveryStep } from "../../../src/routing/delivery-step.ts";

const TIMES = {
  daemonOfflineMs: 5_000,
  reconnectGraceMs: 35_000,
  onlineMs: 120_000,
  unknownAfterDeadlineMs: 120_000,
};
const NOW = 1_000_000;

function view(over: Partial<DeliveryView> = {}): DeliveryView {
  return {
    nowMs: NOW,
    awakeNowMs: NOW,
    call: { state: "requested" },
    daemonId: "dmn_1",
    daemon: { epoch: 3, connected: true, lastSeenAtMs: NOW - 1_000 },
    reachable: true,
    cancelRequested: false,
    progress: { startedAtMs: NOW, reached: false, seenOnline: false },
    ...over,
  };
}

const step = (over: Partial<DeliveryView>) => nextDeliveryStep(view(over), TIMES);
const dispatched = { state: "dispatched", deadlineAtMs: NOW + 60_000 } as const;
const running = { state: "running", deadlineAtMs: NOW + 60_000 } as const;
const accepted = { startedAtMs: NOW - 10_000, reached: true, seenOnline: true, acceptedEpoch: 3 };
const gone = { epoch: 3, connected: false, lastSeenAtMs: NOW - 1_000 };

describe("a call that does not run yet", () => {
  test("is sent to the daemon's epoch", () => {
    expect(step({})).toEqual({ kind: "send", epoch: 3 });
    expect(step({ call: dispatched })).toEqual({ kind: "send", epoch: 3 });
  });
  test("is ended at once where the store says that the daemon is not connected", () => {
    const left = { epoch: 3, connected: false, lastSeenAtMs: NOW - 35_000 };
    expect(step({ daemon: left })).toMatchObject({ kind: "offline" });
    expect(step({ daemon: { epoch: 3, connected: true, lastSeenAtMs: NOW - 120_000 } })).toMatchObject({
      kind: "offline",
    });
    expect(step({ daemon: { epoch: 3, connected: true } })).toMatchObject({ kind: "offline" });
    expect(step({ daemon: undefined })).toMatchObject({ kind: "end", outcome: "failed" });
  });
  test("waits five seconds for a daemon that left a moment ago, also where it was never seen online by this delivery", () => {
    const asked = { startedAtMs: NOW - 4_999, reached: false, seenOnline: false };
    expect(step({ daemon: gone, progress: asked })).toEqual({ kind: "wait" });
    const late = { ...asked, startedAtMs: NOW - 5_000 };
    expect(step({ daemon: gone, progress: late })).toMatchObject({ kind: "offline" });
  });
  test("waits for a daemon that was online a moment ago: it may be on its way to another gateway", () => {
    const sent = { startedAtMs: NOW - 4_999, reached: false, seenOnline: true };
    expect(step({ call: dispatched, daemon: gone, progress: sent })).toEqual({ kind: "wait" });
    const late = { ...sent, startedAtMs: NOW - 5_000 };
    expect(step({ call: dispatched, daemon: gone, progress: late })).toMatchObject({ kind: "offline" });
  });
  test("is ended when nobody has accepted it for five seconds", () => {
    const late = { startedAtMs: NOW - 5_000, reached: false, seenOnline: true };
    expect(step({ progress: late })).toMatchObject({ kind: "offline" });
    expect(step({ progress: { ...late, startedAtMs: NOW - 4_999 } })).toEqual({ kind: "send", epoch: 3 });
  });
  test("goes on being sent to a daemon that is only busy", () => {
    expect(step({ progress: { startedAtMs: NOW - 60_000, reached: true, seenOnline: true } })).toEqual({
      kind: "send",
      epoch: 3,
    });
  });
  test("waits once it is accepted, also while the daemon is away", () => {
    expect(step({ call: dispatched, progress: accepted })).toEqual({ kind: "wait" });
    expect(step({ call: dispatched, progress: accepted, daemon: gone })).toEqual({ kind: "wait" });
  });
  test("is sent again when the epoch has moved", () => {
    const moved = { epoch: 4, connected: true, lastSeenAtMs: NOW };
    expect(step({ call: dispatched, progress: accepted, daemon: moved })).toEqual({ kind: "send", epoch: 4 });
  });
  test("is ended at its deadline and when its run is cancelled", () => {
    const overdue = { ...dispatched, deadlineAtMs: NOW };
    expect(step({ call: overdue, progress: accepted })).toMatchObject({ kind: "end", outcome: "timed_out" });
    expect(step({ cancelRequested: true })).toMatchObject({ kind: "end", outcome: "cancelled" });
  });
});

describe("a running call", () => {
  test("is never ended by a deadline, a cancel or a daemon that is away", () => {
    const overdue = { ...running, deadlineAtMs: NOW - 119_999 };
    for (const over of [{}, { cancelRequested: true }, { daemon: gone }]) {
      expect(step({ call: overdue, progress: accepted, ...over })).toEqual({ kind: "wait" });
    }
  });
  test("is sent again where this process knows of no acceptance under the present epoch: its journal may be lost", () => {
    expect(step({ call: running })).toEqual({ kind: "send", epoch: 3 });
    const moved = { epoch: 4, connected: true, lastSeenAtMs: NOW };
    expect(step({ call: running, progress: accepted, daemon: moved })).toEqual({ kind: "send", epoch: 4 });
  });
  test("becomes unknown two minutes after its deadline where the daemon is out of reach", () => {
    const overdue = { ...running, deadlineAtMs: NOW - 120_000 };
    expect(step({ call: overdue, progress: accepted, daemon: gone })).toMatchObject({ kind: "unreachable" });
    expect(step({ call: overdue, progress: accepted, reachable: false })).toMatchObject({ kind: "unreachable" });
    expect(step({ call: overdue, progress: accepted, daemon: undefined })).toMatchObject({ kind: "unreachable" });
    expect(step({ call: overdue, progress: accepted })).toEqual({ kind: "wait" });
  });
  test("that was asleep with its process has the time that it had", () => {
    const slept = { nowMs: NOW + 28_800_000, call: running, progress: accepted };
    expect(step({ ...slept, daemon: gone })).toEqual({ kind: "wait" });
    expect(step({ ...slept, call: dispatched })).not.toMatchObject({ outcome: "timed_out" });
  });
  test("becomes unknown after four minutes where the daemon is there and says nothing", () => {
    const overdue = { ...running, deadlineAtMs: NOW - 240_000 };
    expect(step({ call: overdue, progress: accepted })).toMatchObject({ kind: "unreachable" });
  });
});

test.each(["succeeded", "failed", "denied", "cancelled", "timed_out", "unknown"] as const)("%s is done", (state) => {
  expect(step({ call: { state }, daemon: undefined, cancelRequested: true })).toEqual({ kind: "done" });
});
