import { availableParallelism, cpus, totalmem } from "node:os";
import type { Clock } from "../core/clock.ts";
import { machineTicks } from "./proc-facts.ts";
import type { MachineFacts } from "./report.ts";

/** How long the machine is looked at before the start. */
const WATCH_MS = 3_000;

/** What the machine is, and how busy it is with other things before anything is started: times on a busy one say little. */
export async function watchMachine(clock: Clock, signal: AbortSignal): Promise<MachineFacts> {
  const before = machineTicks();
  await clock.sleep(WATCH_MS, signal);
  const after = machineTicks();
  const total = Math.max(1, after.total - before.total);
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    memoryMb: totalmem() / 1e6,
    platform: `${process.platform}-${process.arch}`,
    busyPercent: (100 * (total - (after.idle - before.idle))) / total,
    stolenPercent: (100 * (after.stolen - before.stolen)) / total,
  };
}
