import { join } from "node:path";
import { z } from "zod";
import { LIMITS } from "../../core/limits.ts";
import { TRIAL_LIMITS } from "../../core/trial-limits.ts";
import type { ManagedProcess } from "../../stack/managed-process.ts";
import type { Installation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import type { JournalDaemonsOptions } from "./ledger-options.ts";
import { DAEMONS } from "./ledger-rows.ts";

const PROCESSES = 2;

/** `DAEMONS` daemons with journals, and their gateway. */
export interface LedgerFleet {
  readonly gateway: ManagedProcess;
  /** The number of its first daemon. */
  readonly first: number;
  stop(): Promise<void>;
}

/** All daemons, connected to this gateway. */
export async function connectFleet(
  installation: Installation,
  tokenFile: string,
  { process, url, first }: { readonly process: ManagedProcess; readonly url: string; readonly first: number },
): Promise<LedgerFleet> {
  const count = DAEMONS / PROCESSES;
  const daemons = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) =>
      startDaemons(installation, url, tokenFile, { first: first + index * count, count }),
    ),
  );
  return {
    ...{ gateway: process, first },
    stop: async () => {
      // First the daemons: they take the loss of their gateway as an error.
      await Promise.all(daemons.map((each) => each.stop("SIGTERM")));
      await process.stop("SIGTERM");
    },
  };
}

/** Some daemons in one process, being connected when this resolves. */
export async function startDaemons(
  installation: Installation,
  gatewayUrl: string,
  tokenFile: string,
  some: { readonly first: number; readonly count: number },
): Promise<ManagedProcess> {
  const { hostname: host, port } = new URL(gatewayUrl);
  const options: JournalDaemonsOptions = {
    ...{ host, port: Number(port), tokenFile, folder: join(installation.folder, "journals"), ...some },
    ...{ heartbeatMs: LIMITS.heartbeatBusyMs, resultBytes: PAYLOAD_BYTES },
  };
  const daemons = await startPeer(installation, "journal-daemons", options);
  const shape = z.object({ daemons: z.int() });
  await awaitWord(daemons, "connected", shape, TRIAL_LIMITS.stackReadyMs, installation.world.signal);
  return daemons;
}
