import { type Selectable, sql } from "kysely";
import { Batches } from "../../core/batches.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Daemon, DaemonFence, Daemons, HelloAnswer, HelloClaim } from "../daemons.ts";
import type { DeferredWrites } from "../deferred-writes.ts";
import { defined, plainText, readJson } from "./columns.ts";
import { helloTogether, lockNewDaemon, type Marking, markBehindUser, markTogether } from "./daemons-together.ts";
import type { Database, Write } from "./database.ts";
import { decideHello } from "./hello-decision.ts";
import { fenceTable } from "./id-lists.ts";
import { numberUserUpdate } from "./numbers.ts";
import { endOtherJournals } from "./other-journals.ts";
import type { Tables } from "./schema.ts";

type DaemonRow = Selectable<Tables["daemons"]>;

/** Daemons and their epochs over the database. */
export class KyselyDaemons implements Daemons {
  private readonly hellos: Batches<HelloClaim, HelloAnswer>;
  private readonly markings: Batches<Marking, boolean>;

  constructor(
    private readonly database: Database,
    private readonly deferred: DeferredWrites,
  ) {
    const bounds = {
      maxItems: LIMITS.storeBatch,
      maxWaiting: LIMITS.storeBatchWaiting,
      maxAlone: LIMITS.storeBatchAlone,
      maxAside: LIMITS.storeBatchAside,
    };
    this.hellos = new Batches({
      ...{ act: "daemon's hello", ...bounds },
      keyOf: ({ daemonId }) => daemonId,
      together: (claims) => database.write("daemons' hellos", (write) => helloTogether(write, claims)),
      alone: (claim) => this.helloAlone(claim),
    });
    this.markings = new Batches({
      ...{ act: "mark daemon", ...bounds },
      keyOf: ({ fence }) => fence.daemonId,
      together: (markings) => database.write("mark daemons", (write) => markTogether(write, markings)),
      togetherBehind: (userId, markings) =>
        database.write("mark a user's daemons", (write) => markBehindUser(write, userId, markings)),
      alone: (marking) => this.markAlone(marking),
    });
  }

  async hello(claim: HelloClaim, signal?: AbortSignal): Promise<HelloAnswer> {
    const storable = storableClaim(claim);
    return this.database.driver === "postgres" ? this.hellos.do(storable, signal) : this.helloAlone(storable);
  }

  private helloAlone(claim: HelloClaim): Promise<HelloAnswer> {
    return this.database.write("daemon's hello", async (write) => {
      const row = await lockOrMakeDaemon(write, claim);
      const answer = decideHello(
        {
          userId: row.user_id,
          epoch: row.epoch,
          instanceId: row.instance_id ?? undefined,
          journalId: row.journal_id ?? undefined,
          startCount: row.start_count,
        },
        claim,
      );
      if (answer.kind !== "taken") return answer;
      const { numUpdatedRows } = await write.db
        .updateTable("daemons")
        .set({
          epoch: answer.epoch,
          gateway_id: claim.gatewayId,
          instance_id: claim.instanceId,
          journal_id: claim.journalId,
          start_count: claim.startCount,
          name: claim.name,
          labels: JSON.stringify(claim.labels),
          platform: claim.platform,
          version: claim.version,
          connected: 0,
        })
        .where("id", "=", claim.daemonId)
        .where("epoch", "=", row.epoch)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return { kind: "epoch", currentEpoch: row.epoch };
      const { daemonId, journalId } = claim;
      if (row.journal_id !== null && row.journal_id !== journalId) {
        await endOtherJournals(write, [{ daemonId, journalId }]);
      }
      return answer;
    });
  }

  markConnected(fence: DaemonFence, nowMs: number): Promise<boolean> {
    return this.mark({ fence, connectedAtMs: nowMs });
  }

  async markDisconnected(fence: DaemonFence): Promise<void> {
    await this.mark({ fence, connectedAtMs: undefined });
  }

  touch(fences: readonly DaemonFence[], nowMs: number): void {
    for (const fence of fences) this.deferred.touch(fence, nowMs);
  }

  async supersededAmong(fences: readonly DaemonFence[]): Promise<ReadonlySet<string>> {
    if (fences.length === 0) return new Set();
    const { rows } = await this.database.read("check daemons' epochs", (db) =>
      sql<{ id: string }>`
        select fence.id from ${fenceTable(this.database.driver, fences)}
        left join daemons on daemons.id = fence.id and daemons.epoch = fence.epoch
        where daemons.id is null`.execute(db),
    );
    return new Set(rows.map(({ id }) => id));
  }

  async find(userId: string, daemonId: string): Promise<Daemon | undefined> {
    const row = await this.database.read("read daemon", (db) =>
      db.selectFrom("daemons").selectAll().where("id", "=", daemonId).where("user_id", "=", userId).executeTakeFirst(),
    );
    return row === undefined ? undefined : toDaemon(row);
  }

  async list(userId: string): Promise<readonly Daemon[]> {
    const rows = await this.database.read("list daemons", (db) =>
      db.selectFrom("daemons").selectAll().where("user_id", "=", userId).orderBy("id").execute(),
    );
    return rows.map(toDaemon);
  }

  async findDefault(userId: string, nowMs: number): Promise<Daemon | undefined> {
    const row = await this.database.read("find the user's daemon", (db) =>
      db
        .selectFrom("daemons")
        .selectAll()
        .where("user_id", "=", userId)
        .where("connected", "=", 1)
        .where("last_seen_at", ">", nowMs - LIMITS.onlineMs)
        .orderBy("connected_at", "desc")
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    return row === undefined ? undefined : toDaemon(row);
  }

  private mark(marking: Marking): Promise<boolean> {
    return this.database.driver === "postgres" ? this.markings.do(marking) : this.markAlone(marking);
  }

  /** Writes while the epoch is the fence's, and tells the user. */
  private markAlone({ fence, connectedAtMs: atMs }: Marking): Promise<boolean> {
    const changes = atMs === undefined ? { connected: 0 } : { connected: 1, connected_at: atMs, last_seen_at: atMs };
    return this.database.write("mark daemon", async (write) => {
      const row = await write.db
        .updateTable("daemons")
        .set(changes)
        .where("id", "=", fence.daemonId)
        .where("epoch", "=", fence.epoch)
        .returning("user_id")
        .executeTakeFirst();
      if (row === undefined) return false;
      await numberUserUpdate(write, row.user_id, { kind: "daemon_changed", daemonId: fence.daemonId });
      return true;
    });
  }
}

/** What a machine calls itself is any text: one that cannot be stored must not fail the batch that it is in. */
function storableClaim(claim: HelloClaim): HelloClaim {
  const { name, platform, version, labels } = claim;
  return {
    ...{ ...claim, name: plainText(name), platform: plainText(platform), version: plainText(version) },
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [plainText(key), plainText(value)])),
  };
}

/** The daemon's row, locked; made where the id is new. */
async function lockOrMakeDaemon(write: Write, claim: HelloClaim): Promise<DaemonRow> {
  const { db, driver, nowMs } = write;
  const locked = () =>
    db
      .selectFrom("daemons")
      .selectAll()
      .where("id", "=", claim.daemonId)
      .$if(driver === "postgres", (query) => query.forNoKeyUpdate())
      .executeTakeFirst();
  const found = await locked();
  if (found !== undefined) return found;
  if (driver === "postgres") await lockNewDaemon(write, claim.daemonId);
  await db
    .insertInto("daemons")
    .values({
      ...{ id: claim.daemonId, user_id: claim.userId, name: claim.name, labels: JSON.stringify(claim.labels) },
      ...{ platform: claim.platform, version: claim.version, epoch: 0, gateway_id: null, instance_id: null },
      ...{ journal_id: null, start_count: 0, connected: 0, connected_at: null, last_seen_at: null, created_at: nowMs },
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  const made = await locked();
  if (made === undefined) throw new Error("the daemon's row is gone as soon as it was made");
  return made;
}

function toDaemon(row: DaemonRow): Daemon {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    labels: readJson<Record<string, string>>(row.labels),
    platform: row.platform,
    version: row.version,
    epoch: row.epoch,
    startCount: row.start_count,
    connected: row.connected === 1,
    createdAtMs: row.created_at,
    ...defined({
      gatewayId: row.gateway_id,
      instanceId: row.instance_id,
      journalId: row.journal_id,
      lastSeenAtMs: row.last_seen_at,
    }),
  };
}
