import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aClaim, aDaemon, aUser } from "./store-verbs.ts";

describeOnStores("daemons", (open) => {
  test("a new daemon takes epoch 1, and counts as connected only when that is marked", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const claim = aClaim(userId);
    expect(await store.daemons.hello(claim)).toEqual({ kind: "taken", epoch: 1 });
    expect(await store.daemons.find(userId, claim.daemonId)).toMatchObject({
      epoch: 1,
      connected: false,
      name: "laptop",
      labels: { os: "linux" },
      gatewayId: claim.gatewayId,
      instanceId: claim.instanceId,
      journalId: claim.journalId,
      startCount: 1,
    });
    expect(await store.daemons.findDefault(userId, clock.now())).toBeUndefined();
    const fence = { daemonId: claim.daemonId, epoch: 1 };
    expect(await store.daemons.markConnected(fence, clock.now())).toBe(true);
    expect((await store.daemons.findDefault(userId, clock.now()))?.id).toBe(claim.daemonId);
    expect(await store.updates.userUpdates(userId, 0, 10)).toEqual([
      { userId, sequence: 1, event: { kind: "daemon_changed", daemonId: claim.daemonId } },
    ]);
  });

  test("of instances that say hello at the same time with one epoch, one takes it", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const userId = await aUser(store);
    const daemonId = newId("dmn");
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? store : other).daemons.hello(aClaim(userId, { daemonId })),
      ),
    );
    expect(answers.filter(({ kind }) => kind === "taken")).toEqual([{ kind: "taken", epoch: 1 }]);
    expect(answers.filter(({ kind }) => kind === "epoch")).toHaveLength(9);
    expect((await store.daemons.find(userId, daemonId))?.epoch).toBe(1);
  });

  test("a daemon that reconnects names its epoch, or is told the one in force", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { claim } = await aDaemon(store, userId, clock.now());
    expect(await store.daemons.hello({ ...claim, lastEpoch: 1 })).toEqual({ kind: "taken", epoch: 2 });
    expect(await store.daemons.hello({ ...claim, lastEpoch: 1 })).toEqual({ kind: "epoch", currentEpoch: 2 });
    const restarted = { ...claim, instanceId: newId("ins"), startCount: 2, lastEpoch: 2 };
    expect(await store.daemons.hello(restarted)).toEqual({ kind: "taken", epoch: 3 });
  });

  test("another user's daemon id is refused", async () => {
    await using db = await open();
    const { store, clock } = db;
    const { claim } = await aDaemon(store, await aUser(store), clock.now());
    const stranger = await aUser(store);
    expect(await store.daemons.hello({ ...claim, userId: stranger, lastEpoch: 1 })).toEqual({ kind: "identity" });
    expect(await store.daemons.find(stranger, claim.daemonId)).toBeUndefined();
    expect(await store.daemons.list(stranger)).toEqual([]);
  });

  test("a superseded connection marks nothing, and is named by the check", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { fence, claim } = await aDaemon(store, userId, clock.now());
    const stays = await aDaemon(store, userId, clock.now());
    await store.daemons.hello({ ...claim, lastEpoch: 1 });
    const now = { daemonId: fence.daemonId, epoch: 2 };
    await store.daemons.markConnected(now, clock.now());
    expect(await store.daemons.markConnected(fence, clock.now())).toBe(false);
    await store.daemons.markDisconnected(fence);
    expect((await store.daemons.find(userId, fence.daemonId))?.connected).toBe(true);
    const gone = { daemonId: newId("dmn"), epoch: 1 };
    expect(await store.daemons.supersededAmong([fence, stays.fence, gone])).toEqual(
      new Set([fence.daemonId, gone.daemonId]),
    );
    expect(await store.daemons.supersededAmong([])).toEqual(new Set());
    await store.daemons.markDisconnected(now);
    expect((await store.daemons.find(userId, fence.daemonId))?.connected).toBe(false);
  });

  test("last-seen of many daemons is written by the queue, and not for an older epoch", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const daemons = [];
    for (let index = 0; index < 5; index++) daemons.push(await aDaemon(store, userId, clock.now()));
    const [moved] = daemons;
    if (moved === undefined) throw new Error("no daemon was made");
    await store.daemons.hello({ ...moved.claim, lastEpoch: 1 });
    const laterMs = clock.now() + 60_000;
    store.daemons.touch(
      daemons.map(({ fence }) => fence),
      laterMs,
    );
    expect(store.stats().writeQueueDepth).toBe(5);
    const seen = await eventually("last-seen to be written", async () => {
      const rows = await store.daemons.list(userId);
      const touched = rows.filter(({ lastSeenAtMs }) => lastSeenAtMs === laterMs);
      return touched.length > 0 && touched.map(({ id }) => id);
    });
    expect(seen.toSorted()).toEqual(
      daemons
        .slice(1)
        .map(({ fence }) => fence.daemonId)
        .toSorted(),
    );
    expect(store.stats().writeQueueDepth).toBe(0);
  });

  test("what is queued when the store is closed is written", async () => {
    await using db = await open();
    const { clock } = db;
    const closing = await db.openAnother();
    const userId = await aUser(closing);
    const { fence } = await aDaemon(closing, userId, clock.now());
    const laterMs = clock.now() + 60_000;
    closing.daemons.touch([fence], laterMs);
    await closing.close();
    expect((await db.store.daemons.find(userId, fence.daemonId))?.lastSeenAtMs).toBe(laterMs);
  });

  test("the default is the daemon that connected last and was seen lately", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const older = await aDaemon(store, userId, clock.now());
    clock.advance(1000);
    const newer = await aDaemon(store, userId, clock.now());
    const found = async (nowMs: number) => (await store.daemons.findDefault(userId, nowMs))?.id;
    expect(await found(clock.now())).toBe(newer.fence.daemonId);
    await store.daemons.markDisconnected(newer.fence);
    expect(await found(clock.now())).toBe(older.fence.daemonId);
    expect(await found(clock.now() + LIMITS.onlineMs)).toBeUndefined();
  });

  test("what cannot be stored in a daemon's name is replaced, and holds up no other daemon", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const odd = "a\u0000b";
    const fields = { name: odd, platform: odd, version: odd, labels: { [odd]: odd } };
    const claims = Array.from({ length: 5 }, (_, index) => aClaim(userId, index === 3 ? fields : {}));
    const answers = await Promise.all(claims.map((claim) => store.daemons.hello(claim)));
    expect(answers).toEqual(claims.map(() => ({ kind: "taken", epoch: 1 })));
    const plain = "a\uFFFDb";
    expect(await store.daemons.find(userId, claims[3]?.daemonId ?? "")).toMatchObject({
      ...{ name: plain, platform: plain, version: plain, labels: { [plain]: plain } },
    });
  });

  test("hundreds that come at once each get what one alone gets, and so do those that must not be let in", async () => {
    await using db = await open();
    const { store, clock } = db;
    const users = await Promise.all(Array.from({ length: 3 }, () => aUser(store)));
    const stranger = await aUser(store);
    const claims = Array.from({ length: 300 }, (_, index) => aClaim(users[index % 3] ?? stranger));
    const [known = aClaim(stranger)] = claims;
    expect(await store.daemons.hello(known)).toEqual({ kind: "taken", epoch: 1 });
    const answers = await Promise.all([
      store.daemons.hello({ ...known, userId: stranger }),
      ...claims.map((claim) => store.daemons.hello(claim)),
      store.daemons.hello({ ...known, lastEpoch: 1 }),
    ]);
    expect(answers[0]).toEqual({ kind: "identity" });
    expect(answers[1]).toEqual({ kind: "epoch", currentEpoch: 1 });
    expect(answers.slice(2, 301)).toEqual(claims.slice(1).map(() => ({ kind: "taken", epoch: 1 })));
    expect(answers.at(-1)).toEqual({ kind: "taken", epoch: 2 });
    const fences = claims.map(({ daemonId }, index) => ({ daemonId, epoch: index === 0 ? 2 : 1 }));
    const marks = [{ daemonId: known.daemonId, epoch: 1 }, ...fences].map((fence) =>
      store.daemons.markConnected(fence, clock.now()),
    );
    expect(await Promise.all(marks)).toEqual([false, ...claims.map(() => true)]);
    for (const user of users) {
      const updates = await store.updates.userUpdates(user, 0, 200);
      expect(updates.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
      const mine = new Set(claims.filter(({ userId }) => userId === user).map(({ daemonId }) => daemonId));
      const told = updates.map(({ event }) => (event.kind === "daemon_changed" ? event.daemonId : event.kind));
      expect(new Set(told)).toEqual(mine);
    }
    await Promise.all(fences.map((fence) => store.daemons.markDisconnected(fence)));
    const left = await Promise.all(users.map((user) => store.daemons.list(user)));
    expect(left.flat().filter(({ connected }) => connected)).toEqual([]);
    expect(left.flat().every(({ lastSeenAtMs }) => lastSeenAtMs !== undefined)).toBeTrue();
  });
});
