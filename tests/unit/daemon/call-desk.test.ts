import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { DeskWorld, INVOCATION, said } from "./desk-world.ts";

const A = "call_a";
const B = "call_b";
const DONE = { text: "done", isError: false };

async function connected(options?: Parameters<typeof DeskWorld.create>[0]): Promise<DeskWorld> {
  const world = await DeskWorld.create(options);
  world.connect();
  return world;
}

async function running(id = A): Promise<DeskWorld> {
  const world = await connected();
  world.offer(id);
  world.grant(id);
  return world;
}

describe("a call from its offer to its ack", () => {
  test("is journalled, asked for, started by the grant, told, and acked", async () => {
    await using world = await connected();
    expect(said(world.offer(A))).toEqual(["ready call_a"]);
    expect(world.journal.find(A)?.state).toBe("offered");
    expect(world.grant(A)).toEqual([{ kind: "run", toolCallId: A, invocation: INVOCATION }]);
    expect(world.journal.find(A)?.state).toBe("started");
    expect(world.desk.toolEnded(A, "finished", DONE)).toEqual([
      { kind: "send_result", toolCallId: A, ending: "finished", result: DONE },
    ]);
    expect(world.journal.find(A)).toMatchObject({ state: "result", result: DONE });
    expect(world.ack(A)).toEqual([]);
    expect([world.journal.find(A)?.state, world.desk.openCount]).toEqual(["acked", 0]);
  });

  test("says ready with the time of saying it", async () => {
    await using world = await connected();
    expect(world.offer(A)).toEqual([{ kind: "send_ready", toolCallId: A, stamp: world.clock.stamp() }]);
    await world.clock.advance(LIMITS.repeatMs);
    expect(world.due()).toEqual([{ kind: "send_ready", toolCallId: A, stamp: world.clock.stamp() }]);
  });

  test("repeats ready at its pace until the grant, and never sooner", async () => {
    await using world = await connected();
    world.offer(A);
    expect(world.desk.dueInMs).toBe(LIMITS.repeatMs);
    await world.clock.advance(LIMITS.repeatMs - 1);
    expect(world.due()).toEqual([]);
    await world.clock.advance(1);
    expect(said(world.due())).toEqual(["ready call_a"]);
    world.grant(A);
    await world.clock.advance(LIMITS.repeatMs);
    expect([world.due(), world.desk.dueInMs]).toEqual([[], undefined]);
  });

  test("repeats its result at its pace and after a reconnect, until the ack", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    await world.clock.advance(LIMITS.repeatMs);
    expect(said(world.due())).toEqual(["result call_a finished"]);
    world.desk.disconnected(world.connection);
    await world.clock.advance(LIMITS.repeatMs);
    expect([world.due(), world.desk.dueInMs]).toEqual([[], undefined]);
    expect(said(world.connect())).toEqual(["result call_a finished"]);
    world.ack(A);
    await world.clock.advance(LIMITS.repeatMs);
    expect(world.due()).toEqual([]);
  });

  test("that ends while there is no connection is told with the next one", async () => {
    await using world = await running();
    world.desk.disconnected(world.connection);
    expect(world.desk.toolEnded(A, "timed_out", DONE)).toEqual([]);
    expect(said(world.connect())).toEqual(["result call_a timed_out"]);
  });
});

describe("what comes twice", () => {
  test("an offer of a call that asks for its grant asks again", async () => {
    await using world = await connected();
    world.offer(A);
    expect(said(world.offer(A))).toEqual(["ready call_a"]);
  });

  test("an offer of a call that runs starts nothing", async () => {
    await using world = await running();
    expect(world.offer(A)).toEqual([]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([A]);
  });

  test("an offer of a call that has ended is answered from the journal", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    expect(said(world.offer(A))).toEqual(["result call_a finished"]);
    world.ack(A);
    expect(said(world.offer(A))).toEqual(["result call_a finished"]);
    world.crash();
    world.connect();
    expect(said(world.offer(A))).toEqual(["result call_a finished"]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([A]);
  });

  test("an ack, a withdraw or an end of a call that is gone does nothing", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    world.ack(A);
    expect([world.ack(A), world.withdraw(A), world.cancel(A)]).toEqual([[], [], []]);
    expect(world.desk.toolEnded(A, "cancelled", DONE)).toEqual([]);
    expect(world.journal.find(A)).toMatchObject({ state: "acked", ending: "finished" });
  });
});

describe("a grant", () => {
  test("for a call that is not known does nothing", async () => {
    await using world = await connected();
    expect(world.grant(A)).toEqual([]);
    expect(world.journal.find(A)).toBeUndefined();
  });

  test("that is old enough to be of yesterday starts nothing, and the call asks again with a new time", async () => {
    await using world = await connected();
    world.offer(A);
    const stamp = world.clock.stamp();
    await world.clock.advance(LIMITS.grantMaxAgeMs + 1);
    expect(world.grant(A, stamp)).toEqual([{ kind: "send_ready", toolCallId: A, stamp: world.clock.stamp() }]);
    expect(world.runs).toEqual([]);
    expect(said(world.grant(A))).toEqual(["run call_a"]);
  });

  test("of exactly the greatest age still starts", async () => {
    await using world = await connected();
    world.offer(A);
    const stamp = world.clock.stamp();
    await world.clock.advance(LIMITS.grantMaxAgeMs);
    expect(said(world.grant(A, stamp))).toEqual(["run call_a"]);
  });

  test("from before this machine slept starts nothing, though no timer of its has moved", async () => {
    await using world = await connected();
    world.offer(A);
    const stamp = world.clock.stamp();
    world.clock.closeLidFor(8 * 3600 * 1000);
    expect(said(world.grant(A, stamp))).toEqual(["ready call_a"]);
    expect(world.runs).toEqual([]);
  });

  test("is not made younger by a wall clock that is set back", async () => {
    await using world = await connected();
    world.offer(A);
    const stamp = world.clock.stamp();
    world.clock.moveWallClock(-3600 * 1000);
    await world.clock.advance(LIMITS.grantMaxAgeMs + 1);
    expect(said(world.grant(A, stamp))).toEqual(["ready call_a"]);
  });

  for (const [name, stamp] of [
    ["without a time", undefined],
    ["of a time that has not come yet", { wallMs: 9e15, monotonicMs: 9e15 }],
  ] as const) {
    test(`${name} starts nothing`, async () => {
      await using world = await connected();
      world.offer(A);
      expect(said(world.say({ kind: "grant", toolCallId: A, stamp }))).toEqual(["ready call_a"]);
    });
  }

  test("for a call that has no place yet starts nothing", async () => {
    await using world = await connected({ maxRunning: 1 });
    world.offer(A);
    expect(world.offer(B)).toEqual([]);
    expect(world.grant(B)).toEqual([]);
    expect(world.runs).toEqual([]);
  });
});

describe("a cancel", () => {
  test("before the offer leaves a tombstone, told until its ack, and a later offer runs nothing", async () => {
    await using world = await connected();
    expect(said(world.cancel(A))).toEqual(["result call_a not_started"]);
    await world.clock.advance(LIMITS.repeatMs);
    expect(said(world.due())).toEqual(["result call_a not_started"]);
    expect(said(world.offer(A))).toEqual(["result call_a not_started"]);
    world.crash();
    expect(said(world.connect())).toEqual(["result call_a not_started"]);
    world.ack(A);
    expect(said(world.offer(A))).toEqual(["result call_a not_started"]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([]);
  });

  test("of a call that was offered ends it before it starts", async () => {
    await using world = await connected();
    world.offer(A);
    expect(said(world.cancel(A))).toEqual(["result call_a not_started"]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([]);
  });

  test("of a running call ends the tool, and the tool's end is the result", async () => {
    await using world = await running();
    expect(world.say({ kind: "cancel", toolCallId: A, kill: true })).toEqual([
      { kind: "end_tool", toolCallId: A, kill: true },
    ]);
    expect(world.journal.find(A)?.state).toBe("started");
    expect(said(world.desk.toolEnded(A, "cancelled", DONE))).toEqual(["result call_a cancelled"]);
  });

  test("of a call that has its result does not change it", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    expect(world.cancel(A)).toEqual([]);
    expect(world.journal.find(A)).toMatchObject({ ending: "finished" });
  });
});

describe("a withdraw", () => {
  test("forgets an offer, so that the same call may be offered again", async () => {
    await using world = await connected();
    world.offer(A);
    expect(world.withdraw(A)).toEqual([]);
    expect([world.journal.find(A), world.desk.openCount]).toEqual([undefined, 0]);
    expect(said(world.offer(A))).toEqual(["ready call_a"]);
  });

  test("forgets neither a running call nor a result", async () => {
    await using world = await running();
    world.withdraw(A);
    expect(world.journal.find(A)?.state).toBe("started");
    world.desk.toolEnded(A, "finished", DONE);
    world.withdraw(A);
    expect(world.journal.find(A)?.state).toBe("result");
  });
});

describe("connections", () => {
  test("frames of an older connection have no effect", async () => {
    await using world = await connected();
    const old = world.connection;
    world.offer(A);
    world.connect();
    for (const frame of [
      { kind: "grant", toolCallId: A, stamp: world.clock.stamp() },
      { kind: "withdraw", toolCallId: A },
      { kind: "cancel", toolCallId: A, kill: false },
      { kind: "offer", toolCallId: B, invocation: INVOCATION },
    ] as const) {
      expect(world.say(frame, old)).toEqual([]);
    }
    expect([world.journal.find(A)?.state, world.journal.find(B)]).toEqual(["offered", undefined]);
  });

  test("an ack of an older connection leaves the result open", async () => {
    await using world = await running();
    const old = world.connection;
    world.desk.toolEnded(A, "finished", DONE);
    world.connect();
    world.say({ kind: "ack", toolCallId: A }, old);
    expect(world.journal.find(A)?.state).toBe("result");
  });

  test("the end of an older connection does not end the newest one", async () => {
    await using world = await connected();
    const old = world.connection;
    world.connect();
    world.desk.disconnected(old);
    expect(said(world.offer(A))).toEqual(["ready call_a"]);
  });

  test("heartbeats are fast for what the gateway of this connection knows to be open", async () => {
    await using world = await connected();
    expect(world.desk.isBusy).toBe(false);
    world.offer(A);
    world.grant(A);
    expect(world.desk.isBusy).toBe(true);
    world.connect();
    expect(world.desk.isBusy).toBe(true);
    world.desk.toolEnded(A, "finished", DONE);
    expect(world.desk.isBusy).toBe(true);
    world.connect();
    expect(world.desk.isBusy).toBe(false);
  });

  test("what the hello told as running and was acked since is said again, for the gateway counts it as open", async () => {
    await using world = await running();
    const told = [...world.desk.runningIds];
    world.desk.toolEnded(A, "finished", DONE);
    world.ack(A);
    expect(said(world.connect(told))).toEqual(["result call_a finished"]);
    expect(world.ack(A)).toEqual([]);
    expect(said(world.connect())).toEqual([]);
  });

  test("heartbeats are no faster for a call that has started since the hello: the gateway does not know of it", async () => {
    await using world = await running();
    world.connect([]);
    expect(world.desk.isBusy).toBe(false);
    world.offer(A);
    expect(world.desk.isBusy).toBe(true);
  });
});

describe("places", () => {
  test("only as many calls ask for a grant as can start at once; the others follow in the order of their offers", async () => {
    await using world = await connected({ maxRunning: 2 });
    const ids = ["call_1", "call_2", "call_3", "call_4"];
    expect(ids.flatMap((id) => said(world.offer(id)))).toEqual(["ready call_1", "ready call_2"]);
    world.grant("call_1");
    world.grant("call_2");
    expect(said(world.desk.toolEnded("call_2", "finished", DONE))).toEqual(["result call_2 finished", "ready call_3"]);
    expect(said(world.withdraw("call_3"))).toEqual(["ready call_4"]);
  });

  test("a cancel frees a place", async () => {
    await using world = await connected({ maxRunning: 1 });
    world.offer(A);
    world.offer(B);
    expect(said(world.cancel(A))).toEqual(["result call_a not_started", "ready call_b"]);
  });

  test("a call that waits for a place waits on after a crash, in its order", async () => {
    await using world = await connected({ maxRunning: 1 });
    for (const id of ["call_z", "call_a", "call_m"]) world.offer(id);
    world.crash();
    expect(said(world.connect())).toEqual(["ready call_z"]);
    world.grant("call_z");
    expect(said(world.desk.toolEnded("call_z", "finished", DONE))).toContain("ready call_a");
  });

  test("an offer beyond the most open calls is refused and leaves nothing behind", async () => {
    await using world = await connected({ maxOpen: 1 });
    world.offer(A);
    expect(said(world.offer(B))).toEqual(["refuse call_b"]);
    expect(world.journal.find(B)).toBeUndefined();
    world.withdraw(A);
    expect(said(world.offer(B))).toEqual(["ready call_b"]);
  });

  test("a cancel that finds no room is dropped: whoever cancels repeats it", async () => {
    await using world = await connected({ maxOpen: 1 });
    world.offer(A);
    expect(world.cancel(B)).toEqual([]);
    world.withdraw(A);
    expect(said(world.cancel(B))).toEqual(["result call_b not_started"]);
  });
});

describe("this machine's policy", () => {
  const denies = () => "not here";

  test("denies at the offer: told until the ack, nothing runs", async () => {
    await using world = await connected({ denies });
    expect(world.offer(A)).toMatchObject([{ kind: "send_result", ending: "denied", result: { text: "not here" } }]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([]);
  });

  test("that has become stricter since the offer denies at the grant", async () => {
    let denial: string | undefined;
    await using world = await connected({ denies: () => denial });
    world.offer(A);
    denial = "no longer";
    expect(said(world.grant(A))).toEqual(["result call_a denied"]);
    expect(world.runs).toEqual([]);
  });
});

describe("a stop", () => {
  test("ends running tools, tells calls that may be granted as not started, and leaves the others for the next start", async () => {
    await using world = await connected({ maxRunning: 2 });
    for (const id of ["call_1", "call_2", "call_3"]) world.offer(id);
    world.grant("call_1");
    expect(said(world.desk.stop())).toEqual(["end call_1", "result call_2 not_started"]);
    expect(world.desk.isSettled).toBe(false);
    expect(world.grant("call_2")).toEqual([]);
    world.desk.toolEnded("call_1", "cancelled", DONE);
    world.ack("call_1");
    world.ack("call_2");
    expect(world.desk.isSettled).toBe(true);
    world.crash();
    expect(said(world.connect())).toEqual(["ready call_3"]);
  });
});
