import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../src/core/limits.ts";
import { eventually } from "../support/eventually.ts";
import { requestOf } from "../support/gateway-world.ts";
import { aCall, connected, describeOnRouters, gateway, reaches, soon } from "./describe-on-routers.ts";
import { aClaim, aDaemon, aUser, errorOf } from "./store/store-verbs.ts";

describeOnRouters("a tool call", (open) => {
  describe("delivering", () => {
    test("brings each call to its own user's daemon, whichever gateway holds it, and its outcome back", async () => {
      await using world = await open();
      const router = await world.router();
      const users = [await aUser(world.store), await aUser(world.store)];
      const daemons = await Promise.all(users.map((userId, index) => connected(world, userId, index)));
      for (const daemon of daemons) {
        const calls = await Promise.all(Array.from({ length: 8 }, () => aCall(world, daemon.userId)));
        const ended = await Promise.all(
          calls.map((call) => router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon())),
        );
        expect(ended.map(({ state, result }) => `${state} ${result?.text}`)).toEqual(calls.map(() => "succeeded done"));
        expect(daemon.starts.toSorted()).toEqual(calls.map(({ id }) => id).sort());
      }
    });

    test("returns when a gateway has accepted, where that is all that is asked", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.holdReady = true;
      const call = await aCall(world, daemon.userId);
      await router.sendToolRequest(requestOf(call, daemon.daemonId), soon());
      expect((await world.store.toolCalls.get(call.id)).state).toBe("dispatched");
      expect((await daemon.connection?.awaitFrame("offer"))?.toolCallId).toBe(call.id);
      daemon.knobs.holdReady = false;
      await reaches(world, call, "succeeded");
      await router.sendToolRequest(requestOf(call, daemon.daemonId), soon());
      expect(daemon.starts).toEqual([call.id]);
    });

    test("carries the trace context, and an input that is too large for one message", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      const command = `echo ${"é".repeat(LIMITS.natsBodyBytes / 2)}`;
      const call = await aCall(world, daemon.userId, { command });
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      await router.sendToolRequestSync(requestOf(call, daemon.daemonId, { traceparent }), soon());
      const [offer] = daemon.connection?.all("offer") ?? [];
      expect(offer?.traceparent).toBe(traceparent);
      expect(JSON.parse(offer?.invocation?.inputJson ?? "")).toEqual({ command });
      expect(offer?.invocation?.roots).toEqual(["/home/ada/shop"]);
    });

    test("by a second worker at the same time, with the same id, starts the call once and tells both", async () => {
      await using world = await open();
      const routers = [await world.router(), await world.router()];
      const daemon = await connected(world, await aUser(world.store));
      const call = await aCall(world, daemon.userId);
      const ended = await Promise.all(
        routers.map((router) => router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon())),
      );
      expect(ended.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
      expect(daemon.starts).toEqual([call.id]);
    });

    test("by a worker that takes over goes on where the first stopped", async () => {
      await using world = await open();
      const first = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.holdReady = true;
      const call = await aCall(world, daemon.userId);
      const stop = new AbortController();
      const given = first.sendToolRequestSync(requestOf(call, daemon.daemonId), stop.signal);
      await daemon.connection?.awaitFrame("offer");
      stop.abort(new Error("the worker dies"));
      await expect(given).rejects.toThrow("the worker dies");
      daemon.knobs.holdReady = false;
      const second = await world.router();
      expect((await second.sendToolRequestSync(requestOf(call, daemon.daemonId), soon())).state).toBe("succeeded");
      expect(daemon.starts).toEqual([call.id]);
    });

    test("stays with the daemon that the call was dispatched to", async () => {
      await using world = await open();
      const router = await world.router();
      const first = await connected(world, await aUser(world.store), 0);
      const second = await connected(world, first.userId, 1);
      first.knobs.holdReady = true;
      const call = await aCall(world, first.userId);
      await router.sendToolRequest(requestOf(call, first.daemonId), soon());
      const ended = router.sendToolRequestSync(requestOf(call, second.daemonId), soon());
      first.knobs.holdReady = false;
      expect((await ended).daemonId).toBe(first.daemonId);
      expect(second.starts).toEqual([]);
    });

    test("is refused for ids that are not one subject token, and for a call of another user", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      const call = await aCall(world, daemon.userId);
      for (const wrong of [{ userId: "usr.*" }, { daemonId: "dmn.>" }, { toolCallId: "a b" }]) {
        const request = requestOf(call, daemon.daemonId, wrong);
        expect((await errorOf(router.sendToolRequestSync(request, soon()))).code).toBe("invalid_argument");
      }
      const stranger = await aUser(world.store);
      const his = requestOf(call, daemon.daemonId, { userId: stranger });
      expect((await errorOf(router.sendToolRequestSync(his, soon()))).code).toBe("not_found");
      expect((await world.store.toolCalls.get(call.id)).state).toBe("requested");
    });

    test("of an input that is larger than any tool takes ends the call with the reason", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      const call = await aCall(world, daemon.userId);
      const inputJson = JSON.stringify("x".repeat(LIMITS.toolInputBytes));
      const ended = await router.sendToolRequestSync(requestOf(call, daemon.daemonId, { inputJson }), soon());
      expect(ended.state).toBe("failed");
      expect(ended.result?.text).toContain(`larger than ${LIMITS.toolInputBytes} bytes`);
    });
  });

  describe("a daemon that is not there", () => {
    test("fails its call at once where the store says so", async () => {
      await using world = await open();
      const router = await world.router({ daemonOfflineMs: 60_000, reconnectGraceMs: 0 });
      const daemon = await connected(world, await aUser(world.store));
      daemon.crash();
      const row = () => world.store.daemons.find(daemon.userId, daemon.daemonId);
      await eventually("the end to be noted", async () => (await row())?.connected === false);
      const call = await aCall(world, daemon.userId);
      const ended = await router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      expect(ended.state).toBe("failed");
      expect(ended.result?.text).toContain("daemon_offline");
    });

    test("fails its call in the end where the store believes it connected and nobody holds it", async () => {
      await using world = await open();
      const router = await world.router();
      const userId = await aUser(world.store);
      const { fence } = await aDaemon(world.store, userId, Date.now());
      const call = await aCall(world, userId);
      const startedAt = performance.now();
      const ended = await router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(400);
      expect(ended.state).toBe("failed");
      expect(ended.result?.text).toContain("daemon_offline");
    });

    test("because it is another user's fails the call, and the other's daemon hears nothing", async () => {
      await using world = await open();
      const router = await world.router();
      const hers = await connected(world, await aUser(world.store));
      const call = await aCall(world, await aUser(world.store));
      const ended = await router.sendToolRequestSync(requestOf(call, hers.daemonId), soon());
      expect(ended.state).toBe("failed");
      expect(hers.connection?.all("offer")).toEqual([]);
    });

    test("but left a moment ago and comes back gets its call", async () => {
      await using world = await open();
      const router = await world.router({ daemonOfflineMs: 20_000 });
      const userId = await aUser(world.store);
      const claim = aClaim(userId);
      const { fence } = await aDaemon(world.store, userId, Date.now(), claim);
      await world.store.daemons.markDisconnected(fence);
      const call = await aCall(world, userId);
      const ended = router.sendToolRequestSync(requestOf(call, claim.daemonId), soon());
      const daemon = world.daemon(userId, { daemonId: claim.daemonId, instanceId: claim.instanceId });
      daemon.journalId = claim.journalId;
      await daemon.connect(gateway(world, 1));
      expect((await ended).state).toBe("succeeded");
    });

    test("but comes while the call is being sent gets it", async () => {
      await using world = await open();
      const router = await world.router({ daemonOfflineMs: 20_000 });
      const userId = await aUser(world.store);
      // As after the death of a gateway: the row still says connected, and nobody holds the epoch.
      const claim = aClaim(userId);
      await aDaemon(world.store, userId, Date.now(), claim);
      const call = await aCall(world, userId);
      const ended = router.sendToolRequestSync(requestOf(call, claim.daemonId), soon());
      await reaches(world, call, "dispatched");
      const daemon = world.daemon(userId, { daemonId: claim.daemonId, instanceId: claim.instanceId });
      daemon.journalId = claim.journalId;
      await daemon.connect(gateway(world, 1));
      expect((await ended).state).toBe("succeeded");
      expect(daemon.epoch).toBe(2);
    });
  });

  describe("a daemon that moves to another gateway", () => {
    test("before its ready is offered the call again there, and starts it once", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.holdReady = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await daemon.connection?.awaitFrame("offer");
      daemon.journal.clear(); // the offer never came
      daemon.crash();
      const moved = await daemon.connect(gateway(world, 1));
      await moved.awaitFrame("offer");
      daemon.knobs.holdReady = false;
      expect((await ended).state).toBe("succeeded");
      expect(daemon.starts).toEqual([call.id]);
    });

    test("while its gateway believes it there: the old connection's frames change nothing", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.holdReady = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      const old = daemon.connection;
      await old?.awaitFrame("offer");
      await daemon.connect(gateway(world, 1));
      const stamp = { wallMs: 1n, monotonicMs: 1n };
      old?.send({ case: "ready", value: { toolCallId: call.id, journalId: daemon.journalId, stamp } });
      await old?.ended;
      expect(old?.all("grant")).toEqual([]);
      expect((await world.store.toolCalls.get(call.id)).state).toBe("dispatched");
      daemon.knobs.holdReady = false;
      expect((await ended).state).toBe("succeeded");
      expect(daemon.starts).toEqual([call.id]);
    });

    test("after its grant was lost is granted again, and starts it once", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.loseGrants = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      daemon.crash();
      daemon.knobs.loseGrants = false;
      await daemon.connect(gateway(world, 1));
      expect((await ended).state).toBe("succeeded");
      expect(daemon.starts).toEqual([call.id]);
    });

    test("with the tool gone in between makes the call unknown", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.holdResults = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      daemon.crash();
      await daemon.connect(gateway(world, 1));
      expect((await ended).state).toBe("unknown");
      expect(daemon.starts).toEqual([call.id]);
    });

    test("with another journal makes the running call unknown, and does not run it again", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.holdResults = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      daemon.crash();
      daemon.loseJournal();
      const moved = await daemon.connect(gateway(world, 1));
      expect((await ended).state).toBe("unknown");
      // It was ended when the daemon said hello: the new journal is neither offered nor granted it.
      expect([...moved.all("offer"), ...moved.all("grant")]).toEqual([]);
      expect(daemon.starts).toEqual([call.id]);
    });
  });
});
