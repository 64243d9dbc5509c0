import postgres from "postgres";
import { pollUntil } from "../stack/poll-until.ts";

/** Between two checkpoints: no measurement writes as much, so that none falls into it. */
const MOST = "4GB";
/** Of 16 MB each, which Postgres keeps. More than any measurement writes. */
const FILES = 100;
const KEPT = "2GB";

/**
 * Gives Postgres a log (WAL) of files that were written before, as that of a database has it that has been at work for a
 * while: its files are used again. A new one is made of 16 MB of zeros in the middle of somebody's commit, and all commits
 * wait for it, 60 to 100 ms each 2 to 3 s under load: whatever is measured then, that is its p99. Takes some seconds, and
 * 1.6 GB of the disk; for a superuser.
 */
export async function makeLogFiles(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(`alter system set max_wal_size = '${MOST}'`);
    await sql.unsafe(`alter system set min_wal_size = '${KEPT}'`);
    await sql`select pg_reload_conf()`;
    const isSet = async () => (await sql`select current_setting('min_wal_size') as kept`)[0]?.kept === KEPT;
    await pollUntil("Postgres' settings to be read again", isSet);
    // A file is left only when something was written to it.
    await sql`select pg_logical_emit_message(false, 'bench', ''), pg_switch_wal() from generate_series(1, ${FILES})`;
    await sql`checkpoint`;
  } finally {
    await sql.end({ timeout: 2 });
  }
}
