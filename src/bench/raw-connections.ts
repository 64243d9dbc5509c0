import postgres from "postgres";

/** Sessions of the database, this one not counted. */
export async function connectionsOf(databaseUrl: string): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    return Number(row?.count ?? 0);
  } finally {
    await sql.end({ timeout: 2 });
  }
}
