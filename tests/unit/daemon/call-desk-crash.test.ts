import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { DeskWorld, said } from "./desk-world.ts";

const A = "call_a";
const DONE = { text: "done", isError: false };

/** Each point at which the process can die, and what the daemon says when it is connected again. */
const CRASH_POINTS: readonly {
  readonly after: string;
  readonly steps: (world: DeskWorld) => void;
  readonly says: readonly string[];
  /** What a grant does then. */
  readonly grant: readonly string[];
  readonly runs: number;
}[] = [
  { after: "nothing", steps: () => {}, says: [], grant: [], runs: 0 },
  {
    after: "the offer",
    steps: (world) => world.offer(A),
    says: ["ready call_a"],
    grant: ["run call_a"],
    runs: 1,
  },
  {
    after: "the withdraw",
    steps: (world) => {
      world.offer(A);
      world.withdraw(A);
    },
    says: [],
    grant: [],
    runs: 0,
  },
  {
    after: "the cancel of an offer",
    steps: (world) => {
      world.offer(A);
      world.cancel(A);
    },
    says: ["result call_a not_started"],
    grant: [],
    runs: 0,
  },
  {
    after: "the cancel before the offer",
    steps: (world) => world.cancel(A),
    says: ["result call_a not_started"],
    grant: [],
    runs: 0,
  },
  {
    after: "the start",
    steps: (world) => {
      world.offer(A);
      world.grant(A);
    },
    says: ["result call_a gone"],
    grant: [],
    runs: 1,
  },
  {
    after: "the cancel of a running call, before the tool has ended",
    steps: (world) => {
      world.offer(A);
      world.grant(A);
      world.cancel(A);
    },
    says: ["result call_a gone"],
    grant: [],
    runs: 1,
  },
  {
    after: "the result",
    steps: (world) => {
      world.offer(A);
      world.grant(A);
      world.desk.toolEnded(A, "finished", DONE);
    },
    says: ["result call_a finished"],
    grant: [],
    runs: 1,
  },
  {
    after: "the ack",
    steps: (world) => {
      world.offer(A);
      world.grant(A);
      world.desk.toolEnded(A, "finished", DONE);
      world.ack(A);
    },
    says: [],
    grant: [],
    runs: 1,
  },
];

describe("a daemon that dies", () => {
  for (const point of CRASH_POINTS) {
    test(`after ${point.after} says ${point.says.join() || "nothing"} when it is back, and runs it ${point.runs} times in all`, async () => {
      await using world = await DeskWorld.create();
      world.connect();
      point.steps(world);
      world.crash();
      expect(said(world.connect())).toEqual([...point.says]);
      expect(said(world.grant(A))).toEqual([...point.grant]);
      world.offer(A);
      world.crash();
      world.connect();
      world.offer(A);
      expect(world.runs.filter((id) => id === A)).toHaveLength(point.runs);
    });
  }

  test("is settled by nothing that it said before on another connection", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    const stamp = world.clock.stamp();
    const old = world.connection;
    world.crash();
    world.connect();
    expect(world.say({ kind: "grant", toolCallId: A, stamp }, `${old}-of-the-last-process`)).toEqual([]);
    expect(world.runs).toEqual([]);
  });
});

describe("a journal that is a restored backup", () => {
  test("goes on under a new id: what it had open is told under that id, and nothing that had started starts again", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    world.grant(A);
    world.offer("call_b");
    const id = world.journal.id;
    world.crash();
    world.journal.takeNewId();
    expect(world.journal.id).not.toBe(id);
    expect(said(world.connect())).toEqual(["result call_a gone", "ready call_b"]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([A]);
  });
});

describe("a result reaches the disk", () => {
  async function running(): Promise<DeskWorld> {
    const world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    world.grant(A);
    return world;
  }

  test("after it was told; at once where the first telling got no ack", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    expect(world.flushes).toBe(0);
    await world.clock.advance(LIMITS.repeatMs);
    expect([said(world.due()), world.flushes]).toEqual([["result call_a finished"], 1]);
  });

  test("at once where nobody hears it", async () => {
    await using world = await running();
    world.desk.disconnected(world.connection);
    const { flushes } = world;
    world.desk.toolEnded(A, "finished", DONE);
    expect(world.flushes).toBe(flushes + 1);
  });

  test("when the connection ends on which it was told", async () => {
    await using world = await running();
    world.desk.toolEnded(A, "finished", DONE);
    world.desk.disconnected("an older one");
    expect(world.flushes).toBe(0);
    world.desk.disconnected(world.connection);
    expect(world.flushes).toBe(1);
  });
});

describe("a full disk", () => {
  test("refuses the offer, says why, and leaves nothing open", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.diskIsFull = true;
    expect(world.offer(A)).toEqual([
      { kind: "refuse_offer", toolCallId: A, message: "offer refused: write journal: the disk is full" },
    ]);
    expect(world.desk.openCount).toBe(0);
    world.diskIsFull = false;
    expect(said(world.offer(A))).toEqual(["ready call_a"]);
  });

  test("at the grant starts nothing, and the call is told as not started", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    world.diskIsFull = true;
    expect(world.grant(A)).toMatchObject([
      { kind: "send_result", ending: "not_started", result: { text: "Not run: write journal: the disk is full" } },
    ]);
    expect(world.grant(A)).toEqual([]);
    expect(world.runs).toEqual([]);
    world.diskIsFull = false;
    world.ack(A);
    expect(world.journal.find(A)).toMatchObject({ state: "acked", ending: "not_started" });
  });

  test("at the end of a tool loses no result: it is told, and journalled as soon as there is room", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    world.grant(A);
    world.diskIsFull = true;
    expect(world.desk.toolEnded(A, "finished", DONE)).toMatchObject([{ ending: "finished", result: DONE }]);
    expect(world.ack(A)).toEqual([]);
    expect(world.desk.openCount).toBe(1);
    world.diskIsFull = false;
    expect(said(world.connect())).toEqual(["result call_a finished"]);
    expect(world.journal.find(A)).toMatchObject({ state: "result", ending: "finished", result: DONE });
    world.ack(A);
    expect(world.desk.openCount).toBe(0);
  });

  test("at a withdraw keeps the call, which is withdrawn again when it asks again", async () => {
    await using world = await DeskWorld.create();
    world.connect();
    world.offer(A);
    world.diskIsFull = true;
    world.withdraw(A);
    expect(world.desk.openCount).toBe(1);
    world.diskIsFull = false;
    world.withdraw(A);
    expect([world.desk.openCount, world.journal.find(A)]).toEqual([0, undefined]);
  });
});
