import postgres from "postgres";

/** Fills the ledger up to so many calls, by bare SQL: copies of one that has succeeded, which must be there. Answers how many there are. */
export async function fillLedger(databaseUrl: string, calls: number): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const count = async () => Number((await sql`select count(*) as count from tool_calls`)[0]?.count ?? 0);
    const before = await count();
    // By record, so that whatever columns a call has come along.
    await sql`insert into tool_calls select made.*
      from (select * from tool_calls where state = 'succeeded' limit 1) one, generate_series(1, ${Math.max(0, calls - before)}::int) n,
        jsonb_populate_record(null::tool_calls, to_jsonb(one)
          || jsonb_build_object('id', one.id || '_' || ${before}::int || '_' || n, 'idx', ${before}::int + n)) made`;
    await sql`vacuum analyze tool_calls`;
    return await count();
  } finally {
    await sql.end({ timeout: 2 });
  }
}
