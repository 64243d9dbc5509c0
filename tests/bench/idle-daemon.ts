import type { PartReport } from "./figures.ts";
import { startDaemon, startGateway, startInstallation } from "./installation.ts";
import { processorMs, residentBytes } from "./proc-facts.ts";

const SETTLE_MS = 3_000;
const WATCH_MS = 60_000;

/** A daemon that is connected and has nothing to do, over a minute: two heartbeats and some pings. */
export async function measureIdleDaemon(): Promise<PartReport> {
  await using installation = await startInstallation();
  const gateway = await startGateway(installation);
  const { process: daemon } = await startDaemon(installation, gateway);
  await Bun.sleep(SETTLE_MS);
  const [beganMs, spentBefore, atFirst] = [performance.now(), processorMs(daemon.pid), residentBytes(daemon.pid)];
  await Bun.sleep(WATCH_MS);
  const spent = processorMs(daemon.pid) - spentBefore;
  const percent = (100 * spent) / (performance.now() - beganMs);
  const resident = Math.max(atFirst, residentBytes(daemon.pid));
  return {
    figures: [
      { what: "idle daemon, resident", value: resident / 1e6, unit: "MB", atMost: 80 },
      { what: "idle daemon, processor", value: percent, unit: "% of a core", atMost: 0.2 },
    ],
  };
}
