import { ReliantError } from "../../core/errors.ts";
import type { ManagedProcess } from "../../stack/managed-process.ts";
import type { Installation } from "../installation.ts";
import { startPeer } from "../peer.ts";
import { machineTicks } from "../proc-facts.ts";
import { DRIVER_FACTS, type DriverFacts, type DriverOptions } from "./part-options.ts";

/** Many daemons, in a few processes. */
export interface Fleet {
  /** The sums over all of its processes, as they last said. */
  facts(): DriverFacts;
  /** Waits until the facts are so; answers how long it took. Throws `deadline_exceeded`. */
  awaitThat(what: string, look: (facts: DriverFacts) => boolean, timeoutMs: number): Promise<number>;
  stop(): Promise<void>;
}

type Spread = Omit<DriverOptions, "first" | "count">;
const LOOK_MS = 25;

/** `count` daemons in `processes`, being connected when this resolves; their numbers begin with `from`. */
export async function startFleet(
  installation: Installation,
  count: number,
  processes: number,
  options: Spread,
  from = 0,
): Promise<Fleet> {
  const share = Math.ceil(count / processes);
  const drivers = await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      const begun = index * share;
      const some = { first: from + begun, count: Math.min(share, count - begun) };
      return startPeer(installation, "gateway-daemons", { ...options, ...some });
    }),
  );
  const { clock, signal } = installation.world;
  const facts = () => sumOf(drivers.map(factsOf));
  return {
    facts,
    async awaitThat(what, look, timeoutMs) {
      const startedMs = performance.now();
      while (!look(facts())) {
        const tookMs = performance.now() - startedMs;
        const ended = drivers.find((driver) => !driver.isRunning);
        if (tookMs > timeoutMs || ended !== undefined) {
          const told = ended === undefined ? JSON.stringify(facts()) : ended.newestOutput();
          throw new ReliantError("deadline_exceeded", `wait for ${what}: after ${Math.round(tookMs)} ms: ${told}`);
        }
        await clock.sleep(LOOK_MS, signal);
      }
      return performance.now() - startedMs;
    },
    async stop() {
      await Promise.all(drivers.map((driver) => driver.stop("SIGKILL")));
    },
  };
}

const FACTS_LINE = /^facts (.*)$/gm;

function factsOf(driver: ManagedProcess): DriverFacts {
  const newest = [...driver.stdout.slice(-2000).matchAll(FACTS_LINE)].at(-1)?.[1];
  return DRIVER_FACTS.parse(newest === undefined ? NONE : JSON.parse(newest));
}

const NONE: DriverFacts = {
  ...{ connected: 0, refusedForGood: 0, refusedConnections: 0, resetConnections: 0, endedByServer: 0, losses: 0 },
};

function sumOf(facts: readonly DriverFacts[]): DriverFacts {
  const sum = (pick: (each: DriverFacts) => number) => facts.reduce((total, each) => total + pick(each), 0);
  return {
    connected: sum((each) => each.connected),
    refusedForGood: sum((each) => each.refusedForGood),
    refusedConnections: sum((each) => each.refusedConnections),
    resetConnections: sum((each) => each.resetConnections),
    endedByServer: sum((each) => each.endedByServer),
    losses: sum((each) => each.losses),
  };
}

/** How busy the machine was with everything while something was done, and what it gave away to others on its host. */
export async function withLoad<T>(act: () => Promise<T>): Promise<{ readonly value: T; readonly load: string }> {
  const before = machineTicks();
  const value = await act();
  const after = machineTicks();
  const total = Math.max(1, after.total - before.total);
  const busy = 100 - (100 * (after.idle - before.idle)) / total;
  const stolen = (100 * (after.stolen - before.stolen)) / total;
  return { value, load: `machine ${busy.toFixed(0)} % busy, ${stolen.toFixed(0)} % of it taken by its host` };
}
