import { readFile } from "node:fs/promises";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";

/**
 * Says so where this process may not open the files that a full gateway needs: a connection each. The runtime has raised
 * the soft limit to the hard one by itself (Bun does at its start). `limits`: as Linux tells them; elsewhere nothing is known.
 */
export async function warnOfFewOpenFiles(log: Logger, limits = "/proc/self/limits"): Promise<void> {
  const text = await readFile(limits, "utf8").catch(() => "");
  const most = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  if (most === undefined) return;
  const daemons = Math.max(0, Number(most) - LIMITS.gatewayOtherFiles);
  if (daemons >= LIMITS.gatewayDaemons) return;
  log.warn("this gateway may hold few daemons: raise the hard limit of open files (ulimit -Hn, LimitNOFILE)", {
    daemons,
    openFiles: Number(most),
  });
}
