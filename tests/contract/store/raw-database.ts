import { Database } from "bun:sqlite";
import postgres from "postgres";
import type { OpenStoreOptions } from "../../../src/store/kysely/kysely-store.ts";

type Row = Record<string, unknown>;

/** A database without our store before it: for what a release left there, and for what a migration made of it. */
export interface RawDatabase extends AsyncDisposable {
  run(script: string): Promise<void>;
  rows(query: string): Promise<readonly Row[]>;
  /** Every table, column, constraint and index, in an order of its own: equal where two schemas are. */
  schema(): Promise<readonly string[]>;
}

export function openRaw(where: Pick<OpenStoreOptions, "driver" | "url" | "file">): RawDatabase {
  return where.driver === "sqlite" ? rawSqlite(where.file ?? "") : rawPostgres(where.url ?? "");
}

function rawSqlite(file: string): RawDatabase {
  const database = new Database(file, { create: true });
  const all = (query: string) => database.query<Row, []>(query).all();
  const facts = (table: string) =>
    ["table_info", "foreign_key_list", "index_list"].flatMap((pragma) =>
      all(`pragma ${pragma}(${table})`).map((row) => {
        // The order in which columns and indexes came is no part of what they are.
        const { cid: _, seq: __, id: ___, ...fact } = row;
        return `${table} ${pragma} ${JSON.stringify(fact)}`;
      }),
    );
  return {
    run: async (script) => {
      database.run(script);
    },
    rows: async (query) => all(query),
    schema: async () => {
      const tables = all("select name from sqlite_master where type = 'table' order by name");
      const indexes = all("select name, sql from sqlite_master where type = 'index' and sql is not null order by name");
      return [
        ...tables.flatMap(({ name }) => facts(String(name))),
        ...indexes.map((row) => JSON.stringify(row)),
      ].sort();
    },
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

function rawPostgres(url: string): RawDatabase {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const rows = async (query: string): Promise<readonly Row[]> => [...(await sql.unsafe(query))];
  return {
    run: async (script) => {
      await sql.unsafe(script).simple();
    },
    rows,
    schema: async () => {
      const found = await Promise.all([
        rows(`select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
          where table_schema = 'public'`),
        rows(`select conrelid::regclass::text as on_table, conname, pg_get_constraintdef(oid) as is from pg_constraint
          where connamespace = 'public'::regnamespace and contype <> 'n'`),
        rows("select indexname, indexdef from pg_indexes where schemaname = 'public'"),
      ]);
      return found
        .flat()
        .map((row) => JSON.stringify(row))
        .sort();
    },
    [Symbol.asyncDispose]: () => sql.end(),
  };
}
