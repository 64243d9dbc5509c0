import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RoleProcess } from "../../src/stack/role-process.ts";
import { eventually } from "../support/eventually.ts";
import { ConnectionWatch } from "./support/connection-watch.ts";
import { measured } from "./support/counts.ts";
import { type FaultStack, startFaultStack } from "./support/fault-stack.ts";
import { loggedConnections } from "./support/gateway-log.ts";
import { LOAD_SCRIPT, Load, openProxiedDesks, type ProxiedDesk } from "./support/load.ts";

const MINUTE = 60_000;
const DESKS = 6;
const LANES = 1;

describe("a rolling restart by SIGTERM, under load", () => {
  let world: FaultStack;
  let desks: readonly ProxiedDesk[];
  const closing = new AsyncDisposableStack();

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 2, gateways: 3, workers: 2, script: [LOAD_SCRIPT] }));
    desks = await openProxiedDesks(world, DESKS, closing);
  }, 2 * MINUTE);

  afterAll(async () => {
    await closing.disposeAsync();
  });

  test(
    "of three gateways fails no call, and each daemon's next stream stands before the old one ends",
    async () => {
      using watch = new ConnectionWatch(desks.map(({ proxy }) => proxy));
      const { roll, report } = await rolling(world.stack.gateways);
      const connections = await loggedConnections(world.stack.folder);
      const moves = [...connections.values()].flatMap((ofDaemon) =>
        ofDaemon.slice(1).map((next, index) => next.fromMs - (ofDaemon[index]?.untilMs ?? Number.NaN)),
      );
      const overlaps = moves.filter((ms) => ms <= 0).length;
      const leastMs = Math.min(...moves.map((ms) => -ms));
      measured(
        "rolling restart of 3 gateways",
        `${report.calls} calls in ${report.chats} chats, ${report.faults.length} failed, lost or doubled; ${moves.length} moves of ${DESKS} daemons, in ${overlaps} the next stream's welcome came before the end of the old one, by ${leastMs} ms at least; ${roll} ms`,
      );
      expect(report.faults).toEqual([]);
      expect(moves.length).toBeGreaterThanOrEqual(DESKS);
      expect(overlaps).toBe(moves.length);
      // Two at a time while it moves, and never none.
      expect(watch.counts).toEqual(desks.map(() => ({ fewest: 1, most: expect.any(Number) })));
      expect(Math.min(...watch.counts.map(({ most }) => most))).toBeGreaterThanOrEqual(2);
    },
    3 * MINUTE,
  );

  test(
    "of the workers fails no turn",
    async () => {
      const { roll, report } = await rolling(world.stack.workers);
      measured(
        "rolling restart of 2 workers",
        `${report.chats} turns, ${report.calls} calls, ${report.faults.length} failed, lost or doubled; slowest turn ${report.slowestMs} ms; ${roll} ms`,
      );
      expect(report.faults).toEqual([]);
    },
    3 * MINUTE,
  );

  test(
    "of the API replicas fails no turn, and clients' streams resume by themselves",
    async () => {
      const { roll, report } = await rolling(world.stack.apis);
      measured(
        "rolling restart of 2 API replicas",
        `${report.chats} turns, ${report.reconnects} streams resumed, ${report.faults.length} failed, lost or doubled; ${roll} ms`,
      );
      expect(report.faults).toEqual([]);
      expect(report.reconnects).toBeGreaterThan(0);
    },
    3 * MINUTE,
  );

  /** Stops and starts one after the other while chats go on; a few end before, and a few after. */
  async function rolling(roles: RoleProcess[]) {
    const load = new Load(world, desks, `${roles[0]?.kind}`, LANES);
    await moreChats(load);
    const begunAtMs = performance.now();
    for (const role of [...roles]) {
      await role.process.stopCleanly();
      await role.start();
    }
    const roll = Math.round(performance.now() - begunAtMs);
    await moreChats(load);
    return { roll, report: await load.stop() };
  }
});

async function moreChats(load: Load): Promise<void> {
  const before = load.ended;
  await eventually("chats to end", () => load.ended >= before + DESKS * LANES, { timeoutMs: MINUTE });
}
