import { describe, expect, test } from "bun:test";
import { newId } from "../../src/core/ids.ts";
import { eventually } from "../support/eventually.ts";
import { requestOf } from "../support/gateway-world.ts";
import { aCall, connected, describeOnRouters, reaches, soon } from "./describe-on-routers.ts";
import { aDaemon, aUser, errorOf } from "./store/store-verbs.ts";

describeOnRouters("orders and ends", (open) => {
  describe("a daemon that is busy", () => {
    test("is asked again with the same id until it takes the call, beyond the time of an offline one", async () => {
      await using world = await open();
      const router = await world.router({ daemonOfflineMs: 100 });
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.refuseOffers = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await daemon.connection?.awaitFrame("offer", 4);
      daemon.knobs.refuseOffers = false;
      expect((await ended).state).toBe("succeeded");
    });

    test("beyond the call's deadline lets it time out", async () => {
      await using world = await open();
      const router = await world.router({ toolCallSlackMs: 100 });
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.refuseOffers = true;
      const call = await aCall(world, daemon.userId);
      const ended = await router.sendToolRequestSync(requestOf(call, daemon.daemonId, { timeoutMs: 100 }), soon());
      expect(ended.state).toBe("timed_out");
    });
  });

  test("a running call whose daemon does not come back is unknown some time after its deadline", async () => {
    await using world = await open();
    const router = await world.router({ toolCallSlackMs: 100 });
    const daemon = await connected(world, await aUser(world.store));
    daemon.knobs.holdResults = true;
    const call = await aCall(world, daemon.userId);
    const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId, { timeoutMs: 50 }), soon());
    await reaches(world, call, "running");
    daemon.crash();
    const { state, result } = await ended;
    expect(state).toBe("unknown");
    expect(result?.text).toContain("Look at the state of things before you repeat it");
  });

  describe("a cancel", () => {
    test("before the call was sent ends it by the ledger alone", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      const call = await aCall(world, daemon.userId);
      await router.cancelToolCall(call);
      expect((await router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon())).state).toBe("cancelled");
      expect(daemon.connection?.all("offer")).toEqual([]);
    });

    test("of a dispatched call wins over its ready, and the offer is withdrawn", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.holdReady = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await daemon.connection?.awaitFrame("offer");
      await router.cancelToolCall(call);
      expect((await ended).state).toBe("cancelled");
      daemon.knobs.holdReady = false;
      await daemon.connection?.awaitFrame("withdraw");
      expect(daemon.starts).toEqual([]);
    });

    test("of a running call reaches its daemon, from another process too", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.holdResults = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      await (await world.router()).cancelToolCall(call);
      expect((await ended).state).toBe("cancelled");
    });

    test("of the run is passed on with each poll until the daemon has it", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 0);
      daemon.knobs.holdResults = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      const asked = await world.store.chats.requestCancel(daemon.userId, call.chatId);
      expect(asked.running.map(({ id }) => id)).toEqual([call.id]);
      expect((await ended).state).toBe("cancelled");
    });

    test("by another user is refused", async () => {
      await using world = await open();
      const router = await world.router();
      const call = await aCall(world, await aUser(world.store));
      const stranger = await aUser(world.store);
      expect((await errorOf(router.cancelToolCall({ id: call.id, userId: stranger }))).code).toBe("not_found");
      expect((await world.store.toolCalls.get(call.id)).state).toBe("requested");
    });
  });

  describe("orders to a daemon", () => {
    test("find it where it is, and are refused where it is not", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store), 1);
      const name = { userId: daemon.userId, daemonId: daemon.daemonId };
      expect(await router.isOnline(name, soon())).toBeTrue();
      await router.sendCommand(name, { kind: "load_config" }, soon());
      expect(daemon.connection?.all("command")).toHaveLength(1);
      const stranger = { ...name, userId: await aUser(world.store) };
      expect(await router.isOnline(stranger, soon())).toBeFalse();
      expect((await errorOf(router.sendCommand(stranger, { kind: "load_config" }, soon()))).code).toBe("not_found");
      daemon.crash();
      await eventually("it to be offline", async () => !(await router.isOnline(name, soon())));
      expect((await errorOf(router.sendCommand(name, { kind: "load_config" }, soon()))).code).toBe("daemon_offline");
    });

    test("to one that only the store believes connected are refused", async () => {
      await using world = await open();
      const router = await world.router();
      const userId = await aUser(world.store);
      const { fence } = await aDaemon(world.store, userId, Date.now());
      const name = { userId, daemonId: fence.daemonId };
      expect(await router.isOnline(name, soon())).toBeFalse();
      expect((await errorOf(router.sendCommand(name, { kind: "load_config" }, soon()))).code).toBe("daemon_offline");
      const call = { id: newId("call"), ...name };
      expect((await errorOf(router.killProcess(call, soon()))).code).toBe("daemon_offline");
    });

    test("to kill a process come without a grace period", async () => {
      await using world = await open();
      const router = await world.router();
      const daemon = await connected(world, await aUser(world.store));
      daemon.knobs.holdResults = true;
      const call = await aCall(world, daemon.userId);
      const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), soon());
      await reaches(world, call, "running");
      await router.killProcess({ id: call.id, userId: call.userId, daemonId: daemon.daemonId }, soon());
      expect((await ended).state).toBe("cancelled");
      expect(daemon.connection?.all("cancel")[0]).toMatchObject({ toolCallId: call.id, kill: true });
      expect((await errorOf(router.killProcess({ id: call.id, userId: call.userId }, soon()))).code).toBe(
        "failed_precondition",
      );
    });
  });

  test("it tells that it can carry", async () => {
    await using world = await open();
    await (await world.router()).check(soon());
  });
});
