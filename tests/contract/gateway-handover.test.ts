import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ToolCall } from "../../src/chat/tool-call.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { DaemonRouter } from "../../src/routing/daemon-router.ts";
import { eventually } from "../support/eventually.ts";
import { type FleetDaemon, GatewayFleet } from "../support/gateway-fleet.ts";
import { requestOf } from "../support/gateway-world.ts";
import { aChatWithCalls, aUser } from "./store/store-verbs.ts";

setDefaultTimeout(120_000);

const CALLERS = 4;

/** Callers that ask for one call after the other until they are told to stop. */
class Load {
  readonly ended: ToolCall[] = [];
  private stopped = false;
  private readonly running: Promise<void>[];

  constructor(
    private readonly fleet: GatewayFleet,
    private readonly router: DaemonRouter,
    private readonly daemonId: string,
    userId: string,
  ) {
    this.running = Array.from({ length: CALLERS }, () => this.call(userId));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async call(userId: string): Promise<void> {
    while (!this.stopped) {
      const { callIds } = await aChatWithCalls(this.fleet.store, 20, userId);
      for (const callId of callIds) {
        if (this.stopped) return;
        const call = await this.fleet.store.toolCalls.get(callId);
        const signal = AbortSignal.timeout(60_000);
        const request = requestOf(call, this.daemonId, { roots: [this.fleet.folder] });
        this.ended.push(await this.router.sendToolRequestSync(request, signal));
      }
    }
  }
}

const connected = (daemon: FleetDaemon) =>
  eventually("the daemon to be connected", () => daemon.states.at(-1)?.link.kind === "connected");

describe("three gateways that are restarted one after the other under load", () => {
  test("fail no call, run each once, and keep nobody waiting until a daemon counts as offline", async () => {
    await using fleet = await GatewayFleet.start(3);
    const polled = new Set<string>();
    const router = await fleet.router((toolCallId) => polled.add(toolCallId));
    const names = Array.from({ length: 6 }, (_, index) => `dmn_${index}`);
    const daemons = await Promise.all(
      names.map(async (name) => fleet.startDaemon(await aUser(fleet.store), name, name)),
    );
    await Promise.all(daemons.map(connected));
    const loads = daemons.map(({ userId }, index) => new Load(fleet, router, names[index] ?? "", userId));
    const leftMs: number[] = [];
    for (const index of [0, 1, 2]) leftMs.push(await fleet.restart(index, LIMITS.drainMs));
    await Promise.all(loads.map((load) => load.stop()));

    const ended = loads.flatMap((load) => load.ended);
    expect(ended.filter(({ state }) => state !== "succeeded")).toEqual([]);
    const starts = await fleet.starts();
    expect(new Set(starts).size).toBe(starts.length);
    expect(starts.toSorted()).toEqual(ended.map(({ id }) => id).sort());
    expect(ended.length).toBeGreaterThan(100);
    // None had to wait for its next stream: it was there when the one before ended.
    expect(daemons.flatMap(({ states }) => states.filter(({ link }) => link.kind === "waiting"))).toEqual([]);
    expect(Math.max(...leftMs)).toBeLessThan(LIMITS.drainMs / 2);
    // Who moves is told, and told again where it went.
    expect(polled.size).toBeLessThanOrEqual(ended.length / 100);
  });
});

describe("two daemons that show one identity", () => {
  test("one wins, the other is told and stops, and no call is answered by both", async () => {
    await using fleet = await GatewayFleet.start(2);
    const router = await fleet.router();
    const userId = await aUser(fleet.store);
    const first = await fleet.startDaemon(userId, "dmn_same", "first");
    await connected(first);
    const load = new Load(fleet, router, "dmn_same", userId);
    await eventually("some calls to be answered by the first", () => load.ended.length > 10);
    const toldFirst = first.daemon.ended().then(
      () => undefined,
      (error) => error,
    );
    const second = await fleet.startDaemon(userId, "dmn_same", "second");
    expect(await toldFirst).toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("another process took this daemon's place"),
      hint: expect.stringContaining("two daemons use one daemon id"),
    });
    const before = load.ended.length;
    await eventually("some calls to be answered by the second", () => load.ended.length > before + 10);
    await load.stop();
    expect(second.states.at(-1)?.link.kind).toBe("connected");

    const starts = await fleet.starts();
    expect(new Set(starts).size).toBe(starts.length);
    // What ran in the first when it was told may have no outcome that anybody knows; nothing else is lost.
    const unknown = load.ended.filter(({ state }) => state === "unknown");
    expect(load.ended.filter(({ state }) => state !== "succeeded" && state !== "unknown")).toEqual([]);
    expect(unknown.length).toBeLessThanOrEqual(CALLERS);
    expect(unknown.map(({ id }) => id).filter((id) => !starts.includes(id))).toEqual([]);
  });
});
