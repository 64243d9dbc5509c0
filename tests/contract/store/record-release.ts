/**
 * Writes down the database of the newest version of the schema, with rows in each table, for both drivers:
 * `bun tests/contract/store/record-release.ts`. To be run once, when the version is released: what stands in
 * `released-schemas/` never changes, and each later release is tested to take it over.
 */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MIGRATIONS, statementsOf } from "../../../src/store/kysely/migrations/migrations.ts";
import { liveIn, readAll } from "./lived-in-store.ts";
import { openRaw, type RawDatabase } from "./raw-database.ts";
import { STORE_DRIVERS } from "./store-drivers.ts";

const FOLDER = join(import.meta.dir, "released-schemas");
const MIGRATIONS_FOLDER = join(import.meta.dir, "../../../src/store/kysely/migrations");

async function record(): Promise<void> {
  const version = String(MIGRATIONS.at(-1)?.version ?? 0).padStart(4, "0");
  if ((await readdir(FOLDER)).some((file) => file.startsWith(version))) {
    throw new Error(`record schema ${version}: it is recorded already, and stays as it is`);
  }
  for (const { name, start } of STORE_DRIVERS) {
    await using driver = await start();
    await using under = await driver.open();
    const livedIn = await liveIn(under.store, Date.now());
    await under.store.close();
    const reopened = await under.openAnother();
    const facts = await readAll(reopened, livedIn);
    await using raw = openRaw(under.options);
    await Bun.write(join(FOLDER, `${version}.${name}.sql`), await dump(raw, under.options.driver));
    await Bun.write(join(FOLDER, `${version}.${name}.json`), `${JSON.stringify({ livedIn, facts }, undefined, 1)}\n`);
  }
  const hashes: Record<string, string> = {};
  for (const file of (await readdir(MIGRATIONS_FOLDER)).filter((each) => /^\d{4}-/.test(each)).sort()) {
    const content = await Bun.file(join(MIGRATIONS_FOLDER, file)).text();
    hashes[file] = createHash("sha256").update(content).digest("hex");
  }
  await Bun.write(join(FOLDER, "released.json"), `${JSON.stringify(hashes, undefined, 2)}\n`);
}

/** The statements that made the schema, and a row of each of its tables at least. */
async function dump(raw: RawDatabase, driver: "sqlite" | "postgres"): Promise<string> {
  const made = MIGRATIONS.flatMap((migration) => statementsOf(migration, driver));
  const lines = ["create table schema_versions (version bigint primary key, applied_at bigint not null)", ...made];
  const tables = lines.flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? []);
  for (const table of tables) {
    const rows = await raw.rows(`select * from ${table}`);
    if (rows.length === 0) throw new Error(`record schema: nothing has filled the table ${table}`);
    for (const row of rows) {
      const values = Object.values(row).map(literal).join(", ");
      lines.push(`insert into ${table} (${Object.keys(row).join(", ")}) values (${values})`);
    }
  }
  return `${lines.join(";\n\n")};\n`;
}

function literal(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return `'${String(value).replaceAll("'", "''")}'`;
}

if (import.meta.main) await record();
