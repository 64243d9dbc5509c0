import { join } from "node:path";
import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import type { BenchUser, Installation } from "./installation.ts";
import { awaitWord, startPeer } from "./peer.ts";
import { residentBytes } from "./proc-facts.ts";
import { HELD, KEPT, type KeptStreams } from "./stream-holder.ts";

/** One process opens so many streams, which is small beside what it needs for one of them. */
export const STREAMS_PER_HOLDER = 1_250;
const OPENING = 20;

/** Opens a live update stream for each user, in processes of their own; all stand when this resolves. */
export async function holdStreams(
  installation: Installation,
  url: string,
  users: readonly BenchUser[],
): Promise<ManagedProcess[]> {
  const { folder, world } = installation;
  const holders: ManagedProcess[] = [];
  for (let from = 0; from < users.length; from += STREAMS_PER_HOLDER) {
    const mine = users.slice(from, from + STREAMS_PER_HOLDER);
    const tokensFile = join(folder, newId("tok"));
    await Bun.write(tokensFile, mine.map(({ jwt }) => jwt).join("\n"));
    const holder = await startPeer(installation, "streams", { url, tokensFile, opening: OPENING });
    const held = await awaitWord(holder, "held", HELD, TRIAL_LIMITS.benchReportMs, world.signal);
    const { open, failed, reason } = held;
    if (failed > 0) throw new ReliantError("internal", `open streams: ${failed} of ${open + failed} failed: ${reason}`);
    holders.push(holder);
  }
  return holders;
}

/** Ends the holders, and tells how many of their streams stood until then. Throws where a holder has ended by itself. */
export async function letGo(holders: readonly ManagedProcess[], signal: AbortSignal): Promise<KeptStreams> {
  const kept = { open: 0, lost: 0, reason: "" };
  for (const holder of holders) {
    if (!holder.isRunning) throw new ReliantError("internal", `hold streams: ended\n${holder.newestOutput()}`);
    await holder.stop();
    const { open, lost, reason } = await awaitWord(holder, "kept", KEPT, TRIAL_LIMITS.benchReportMs, signal);
    kept.open += open;
    kept.lost += lost;
    if (lost > 0) kept.reason = reason;
  }
  return kept;
}

/** Memory that one such stream takes in a program of connect-node and nothing else, thousands of bytes. */
export async function bareStreamKb(installation: Installation, users: readonly BenchUser[]): Promise<number> {
  const { signal } = installation.world;
  const bare = await startPeer(installation, "bare-streams", {});
  const listening = z.object({ port: z.int() });
  const { port } = await awaitWord(bare, "bare", listening, TRIAL_LIMITS.benchReportMs, signal);
  const before = residentBytes(bare.pid);
  const holders = await holdStreams(installation, `http://127.0.0.1:${port}`, users);
  const grown = residentBytes(bare.pid) - before;
  // Without an error at their ends: first who holds, then who was held.
  await Promise.all(holders.map((holder) => holder.stop("SIGKILL")));
  await bare.stop("SIGKILL");
  return grown / 1000 / users.length;
}
