import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import { LocalDaemonRouter } from "../../../src/routing/local-daemon-router.ts";
import { FakeStore } from "../../support/fake-store.ts";
import { FrameDaemon } from "../../support/frame-daemon.ts";
import { gatewayOver, requestOf } from "../../support/gateway-world.ts";

let store: FakeStore;
let service: ToolsDaemonService;
let daemon: FrameDaemon;
let starts: number;
let router: LocalDaemonRouter;

beforeEach(() => {
  store = new FakeStore();
  ({ service } = gatewayOver(store));
  daemon = new FrameDaemon({ userId: "usr_ada" });
  starts = 0;
  const ensureDaemon = async () => {
    starts += 1;
    if (starts === 1) throw new Error("the data folder is locked");
    await daemon.connect(service);
  };
  router = new LocalDaemonRouter({ store, host: service, clock: systemClock, ensureDaemon });
});
afterEach(async () => {
  daemon.stop();
  await router.close();
  await service.close();
});

const send = () =>
  router.sendToolRequestSync(requestOf(store.request("usr_ada"), daemon.daemonId), AbortSignal.timeout(5_000));

describe("the monolith's daemon", () => {
  test("is started with the first request, once for all that come meanwhile, and again after it could not", async () => {
    await router.check(AbortSignal.timeout(5_000));
    expect(starts).toBe(0);
    await expect(send()).rejects.toThrow("the data folder is locked");
    const ended = await Promise.all([send(), send(), send()]);
    expect(ended.map(({ state }) => state)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(starts).toBe(2);
  });
});
