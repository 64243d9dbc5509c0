import postgres from "postgres";
import { ReliantError } from "../core/errors.ts";

/** What Postgres tells of one database, our own session not counted. */
export interface PostgresFacts {
  readonly sessions: number;
  readonly locks: number;
  /** Rows inserted, changed and deleted since the database was made; and messages inserted. */
  readonly rowsWritten: number;
  readonly messages: number;
}

export interface PostgresWatch extends AsyncDisposable {
  now(): Promise<PostgresFacts>;
}

/** Looks by one session of its own. */
export function openPostgresWatch(databaseUrl: string): PostgresWatch {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  return {
    now: async () => {
      const [row] = await sql`select
        (select count(*) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid())::int as sessions,
        (select count(*) from pg_locks l join pg_database d on d.oid = l.database
          where d.datname = current_database() and l.pid <> pg_backend_pid())::int as locks,
        (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables)::float8 as rows_written,
        (select n_tup_ins from pg_stat_user_tables where relname = 'messages')::float8 as messages`;
      if (row === undefined) throw new ReliantError("internal", "watch Postgres: it told nothing");
      return {
        ...{ sessions: Number(row.sessions), locks: Number(row.locks) },
        ...{ rowsWritten: Number(row.rows_written), messages: Number(row.messages) },
      };
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 2 }),
  };
}
