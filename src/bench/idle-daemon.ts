import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import type { PartReport } from "./figures.ts";
import { startInstallation } from "./installation.ts";
import { processorMs, residentBytes } from "./proc-facts.ts";

const SETTLE_MS = 3_000;
const WATCH_MS = 60_000;

export const IDLE_DAEMON: BenchPart = {
  name: "idle-daemon",
  says: "memory and processor time of a connected daemon with nothing to do, over a minute",
  goals: ["idle_daemon.mb", "idle_daemon.core_percent"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureIdleDaemon,
};

/** A daemon that is connected and has nothing to do, over a minute: two heartbeats and some pings. */
async function measureIdleDaemon(world: BenchWorld): Promise<PartReport> {
  const { clock, signal } = world;
  await using installation = await startInstallation(world, { temporal: false });
  const gateway = await startRole(installation, "gateway");
  const { process: daemon } = await startDaemon(installation, gateway, await installation.signUp("ada"));
  await clock.sleep(SETTLE_MS, signal);
  const [beganMs, spentBefore, atFirst] = [performance.now(), processorMs(daemon.pid), residentBytes(daemon.pid)];
  await clock.sleep(WATCH_MS, signal);
  const spent = processorMs(daemon.pid) - spentBefore;
  const percent = (100 * spent) / (performance.now() - beganMs);
  const resident = Math.max(atFirst, residentBytes(daemon.pid));
  return {
    figures: [
      { id: "idle_daemon.mb", what: "idle daemon, resident", value: resident / 1e6, unit: "MB" },
      { id: "idle_daemon.core_percent", what: "idle daemon, processor", value: percent, unit: "% of a core" },
    ],
  };
}
