import type { HelloAnswer, HelloClaim } from "../daemons.ts";

/** What the store knows of the daemon that says hello. */
export interface KnownDaemon {
  readonly userId: string;
  readonly epoch: number;
  readonly instanceId: string | undefined;
  readonly journalId: string | undefined;
  readonly startCount: number;
}

/**
 * Whether a hello takes the next epoch, from what its daemon believes and what the store knows. An instance that had a
 * connection and finds another instance's in its place was replaced, unless that one started before it (it was restarted
 * and has not heard yet). Of different journals nobody can say which started first: the newer connection counts.
 */
export function decideHello(known: KnownDaemon, claim: HelloClaim): HelloAnswer {
  if (known.userId !== claim.userId) return { kind: "identity" };
  const otherInstance = known.instanceId !== undefined && known.instanceId !== claim.instanceId;
  const sameJournal = known.journalId === claim.journalId;
  const hadConnection = claim.lastEpoch > 0;
  if (otherInstance && hadConnection && claim.lastEpoch < known.epoch) {
    if (!sameJournal || known.startCount > claim.startCount) return { kind: "replaced" };
  }
  if (sameJournal && claim.startCount < known.startCount) return { kind: "journal" };
  if (sameJournal && otherInstance && claim.startCount === known.startCount) return { kind: "journal" };
  if (claim.lastEpoch !== known.epoch) return { kind: "epoch", currentEpoch: known.epoch };
  return { kind: "taken", epoch: known.epoch + 1 };
}
