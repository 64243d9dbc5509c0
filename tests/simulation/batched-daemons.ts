import type { Kysely } from "kysely";
import type { Clock } from "../../src/core/clock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { DaemonFence, Daemons, HelloClaim } from "../../src/store/daemons.ts";
import { DeferredWrites } from "../../src/store/deferred-writes.ts";
import { Database, type Write } from "../../src/store/kysely/database.ts";
import { KyselyDaemons } from "../../src/store/kysely/kysely-daemons.ts";
import type { Tables } from "../../src/store/kysely/schema.ts";
import type { Announcement } from "../../src/store/store.ts";
import type { Chance } from "./chance.ts";
import { claims } from "./claims.ts";

/**
 * Hellos and marks as Postgres has them: production's batches and their statements, in SQLite's words (postgres-words.ts).
 * A batch is one transaction: it fails as a whole, and its commit may stand though nobody learns of it.
 */
export function batchedDaemons(
  kysely: Kysely<Tables>,
  clock: Clock,
  announce: (announcement: Announcement) => void,
  chance: Chance,
): Pick<Daemons, "hello" | "markConnected" | "markDisconnected"> {
  const underWay = new Set<DaemonFence>();
  const database = new BatchedDatabase(kysely, clock, announce, () => [...underWay]);
  const daemons = new KyselyDaemons(database, new DeferredWrites(clock, async () => undefined));
  const marking = async <T>(fence: DaemonFence, mark: () => Promise<T>): Promise<T> => {
    underWay.add(fence);
    return mark().finally(() => underWay.delete(fence));
  };
  const crowd = new Crowd(daemons);
  return {
    hello: (claim, signal) => {
      if (chance.hits(CROWDED)) crowd.hello(claim);
      return daemons.hello(claim, signal);
    },
    markConnected: (fence, nowMs) => {
      if (chance.hits(CROWDED)) crowd.mark(fence);
      return marking(fence, () => daemons.markConnected(fence, nowMs));
    },
    markDisconnected: (fence) => marking(fence, () => daemons.markDisconnected(fence)),
  };
}

/** Share of hellos and marks that come with others at the same moment. */
const CROWDED = 0.3;
/** More than are done aside one by one, so that the one who comes with them is in a batch of several. */
const OTHERS = LIMITS.storeBatchAside + 2;

/** Machines that only come and go, of the same user: a batch has more than the few daemons that the run has. */
class Crowd {
  private readonly epochs = new Map<string, number>();

  constructor(private readonly daemons: KyselyDaemons) {}

  hello(claim: HelloClaim): void {
    for (const daemonId of names(claim.daemonId)) {
      const answered = this.daemons.hello({ ...claim, daemonId, lastEpoch: this.epochs.get(daemonId) ?? 0 });
      answered.then(
        (answer) => {
          if (answer.kind === "taken") this.epochs.set(daemonId, answer.epoch);
          if (answer.kind === "epoch") this.epochs.set(daemonId, answer.currentEpoch);
        },
        () => undefined,
      );
    }
  }

  mark(fence: DaemonFence): void {
    for (const daemonId of names(fence.daemonId)) {
      const epoch = this.epochs.get(daemonId) ?? 0;
      this.daemons.markDisconnected({ daemonId, epoch }).catch(() => undefined);
    }
  }
}

function names(daemonId: string): readonly string[] {
  return Array.from({ length: OTHERS }, (_, index) => `${daemonId}-${index + 1}`);
}

/** Postgres for who asks whether to batch, SQLite for who writes. */
class BatchedDatabase extends Database {
  constructor(
    kysely: Kysely<Tables>,
    clock: Clock,
    announce: (announcement: Announcement) => void,
    private readonly fences: () => readonly DaemonFence[],
  ) {
    super(kysely, "postgres", clock, announce);
  }

  override write<T>(act: string, work: (write: Write) => Promise<T>): Promise<T> {
    const begin = () => super.write(act, (write) => work({ ...write, driver: "sqlite" }));
    return claims.run({ kind: "marks", fences: this.fences() }, begin);
  }
}
