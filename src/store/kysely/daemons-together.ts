import { type Selectable, sql } from "kysely";
import { HeldUp } from "../../core/batches.ts";
import type { DaemonFence, HelloAnswer, HelloClaim } from "../daemons.ts";
import type { Write } from "./database.ts";
import { decideHello } from "./hello-decision.ts";
import { idList } from "./id-lists.ts";
import { numberUserUpdates } from "./number-user-updates.ts";
import { endOtherJournals } from "./other-journals.ts";
import type { Tables } from "./schema.ts";

/** That a daemon came, or went, under an epoch. */
export interface Marking {
  readonly fence: DaemonFence;
  /** Undefined: it went. */
  readonly connectedAtMs: number | undefined;
}

/**
 * The hellos of many daemons in one transaction, each decided as one alone is. Postgres only: SQLite has one writer, and
 * needs no round trips. No two of the claims may be of one daemon. A daemon whose row another transaction holds is left
 * out: one that stands still must not keep the others waiting.
 */
export async function helloTogether(
  write: Write,
  claims: readonly HelloClaim[],
): Promise<readonly (HelloAnswer | HeldUp)[]> {
  const ids = claims.map(({ daemonId }) => daemonId);
  const rows = await lockDaemons(write, ids);
  const missing = claims.filter(({ daemonId }) => !rows.has(daemonId));
  if (missing.length > 0) {
    await makeDaemons(write, missing);
    const made = missing.map(({ daemonId }) => daemonId);
    for (const [id, row] of await lockDaemons(write, made)) rows.set(id, row);
  }
  const answers = claims.map((claim): HelloAnswer | HeldUp => {
    const row = rows.get(claim.daemonId);
    if (row === undefined) return new HeldUp();
    const { user_id: userId, epoch, start_count: startCount } = row;
    const [instanceId, journalId] = [row.instance_id ?? undefined, row.journal_id ?? undefined];
    return decideHello({ userId, epoch, startCount, instanceId, journalId }, claim);
  });
  const taken = claims.flatMap((claim, index) => {
    const answer = answers[index];
    if (answer === undefined || answer instanceof HeldUp || answer.kind !== "taken") return [];
    return [{ claim, epoch: answer.epoch }];
  });
  if (taken.length > 0) await moveEpochs(write, taken);
  const changed = taken.flatMap(({ claim: { daemonId, journalId } }) => {
    const before = rows.get(daemonId)?.journal_id ?? journalId;
    return before === journalId ? [] : [{ daemonId, journalId }];
  });
  await endOtherJournals(write, changed);
  return answers;
}

/**
 * Tells of each whether its epoch is still the row's; if so it is noted, and its user told. One whose row another
 * transaction holds is left out, and so are those of a user whose row is held: it is told that the user holds them up.
 */
export async function markTogether(write: Write, markings: readonly Marking[]): Promise<readonly (boolean | HeldUp)[]> {
  const daemons = await lockDaemons(
    write,
    markings.map(({ fence }) => fence.daemonId),
  );
  const userOf = ({ fence: { daemonId, epoch } }: Marking): string | undefined => {
    const row = daemons.get(daemonId);
    return row?.epoch === epoch ? row.user_id : undefined;
  };
  const users = await lockUsers(write, new Set(markings.flatMap((marking) => userOf(marking) ?? [])));
  const free = markings.filter((marking) => users.has(userOf(marking) ?? ""));
  if (free.length > 0) await markFree(write, free);
  return markings.map((marking) => {
    if (!daemons.has(marking.fence.daemonId)) return new HeldUp();
    const userId = userOf(marking);
    return userId !== undefined && !users.has(userId) ? new HeldUp(userId) : userId !== undefined;
  });
}

/**
 * The same for those that one user's row holds up. It is waited for before any daemon's row is locked, so that nobody
 * waits for those meanwhile. What comes before it in the order of locks is passed over where it is held: no two wait for
 * each other.
 */
export async function markBehindUser(
  write: Write,
  userId: string,
  markings: readonly Marking[],
): Promise<readonly (boolean | HeldUp)[]> {
  await write.db.selectFrom("users").select("id").where("id", "=", userId).forNoKeyUpdate().execute();
  return markTogether(write, markings);
}

/** Their daemons' rows, of those epochs, and their users' rows are locked. */
async function markFree(write: Write, free: readonly Marking[]): Promise<void> {
  const { db, driver } = write;
  const ids = free.map(({ fence }) => fence.daemonId);
  const list = JSON.stringify(
    free.map(({ fence, connectedAtMs }) => ({ id: fence.daemonId, epoch: fence.epoch, at: connectedAtMs ?? null })),
  );
  const { rows } = await sql<{ id: string; user_id: string }>`
    update daemons set
      connected = case when item.at is null then 0 else 1 end,
      connected_at = coalesce(item.at, daemons.connected_at),
      last_seen_at = coalesce(item.at, daemons.last_seen_at)
    from json_to_recordset(${list}::text::json) as item(id text, epoch bigint, at bigint)
    where daemons.id in ${idList(driver, ids)} and daemons.id = item.id and daemons.epoch = item.epoch
    returning daemons.id, daemons.user_id`.execute(db);
  await numberUserUpdates(
    write,
    rows.map(({ id, user_id }) => ({ userId: user_id, event: { kind: "daemon_changed", daemonId: id } })),
  );
}

/** Sets these locks by name apart from others: a number that no other one uses. */
const DAEMON_LOCKS = 2;

type DaemonRow = Pick<
  Selectable<Tables["daemons"]>,
  "id" | "user_id" | "epoch" | "instance_id" | "journal_id" | "start_count"
>;

/** Those whose rows are there and free. */
async function lockDaemons({ db, driver }: Write, ids: readonly string[]): Promise<Map<string, DaemonRow>> {
  const rows = await db
    .selectFrom("daemons")
    .select(["id", "user_id", "epoch", "instance_id", "journal_id", "start_count"])
    .where("id", "in", idList(driver, ids))
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Those of the users whose rows are free. */
async function lockUsers({ db, driver }: Write, ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  if (ids.size === 0) return ids;
  const free = db
    .selectFrom("users")
    .select("id")
    .where("id", "in", idList(driver, [...ids]));
  const rows = await free.forNoKeyUpdate().skipLocked().execute();
  return new Set(rows.map(({ id }) => id));
}

/** Waits for whoever makes that daemon's row now. */
export async function lockNewDaemon({ db }: Write, daemonId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${daemonId}::text, ${sql.lit(DAEMON_LOCKS)}))`.execute(db);
}

/**
 * Two transactions that make one row wait for each other, unless the second one leaves it out. A row that is there and was
 * passed over is left out as well: `on conflict` waits for whoever changes it.
 */
async function makeDaemons({ db, driver, nowMs }: Write, claims: readonly HelloClaim[]): Promise<void> {
  const list = JSON.stringify(claims.map(factsOf));
  const isMine =
    driver === "postgres"
      ? sql`pg_try_advisory_xact_lock(hashtextextended(item.id, ${sql.lit(DAEMON_LOCKS)}))`
      : // One writer at a time.
        sql`true`;
  await sql`
    insert into daemons (id, user_id, name, labels, platform, version, epoch, start_count, connected, created_at)
    select item.id, item.user_id, item.name, item.labels, item.platform, item.version, 0, 0, 0, ${nowMs}::bigint
    from json_to_recordset(${list}::text::json)
      as item(id text, user_id text, name text, labels text, platform text, version text)
    where not exists (select 1 from daemons where daemons.id = item.id) and ${isMine}
    on conflict (id) do nothing`.execute(db);
}

async function moveEpochs(
  { db, driver }: Write,
  taken: readonly { readonly claim: HelloClaim; readonly epoch: number }[],
): Promise<void> {
  const list = JSON.stringify(taken.map(({ claim, epoch }) => ({ ...factsOf(claim), epoch })));
  const ids = taken.map(({ claim }) => claim.daemonId);
  await sql`
    update daemons set
      epoch = item.epoch, gateway_id = item.gateway_id, instance_id = item.instance_id,
      journal_id = item.journal_id, start_count = item.start_count, name = item.name, labels = item.labels,
      platform = item.platform, version = item.version, connected = 0
    from json_to_recordset(${list}::text::json) as item(
      id text, epoch bigint, gateway_id text, instance_id text, journal_id text, start_count bigint,
      name text, labels text, platform text, version text)
    where daemons.id in ${idList(driver, ids)} and daemons.id = item.id`.execute(db);
}

function factsOf(claim: HelloClaim) {
  return {
    ...{ id: claim.daemonId, user_id: claim.userId, gateway_id: claim.gatewayId, instance_id: claim.instanceId },
    ...{ journal_id: claim.journalId, start_count: claim.startCount, name: claim.name },
    ...{ labels: JSON.stringify(claim.labels), platform: claim.platform, version: claim.version },
  };
}
