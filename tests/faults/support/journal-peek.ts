import { Database } from "bun:sqlite";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { tempFolder } from "../../support/temp-folder.ts";

const Entry = z.object({ state: z.string() });
const Facts = z.object({ id: z.string(), startCount: z.number() });

/** The state of a call in a daemon's journal: by a copy, as the daemon holds the file for itself. A torn copy throws: look again. */
export async function journalState(dataDir: string, toolCallId: string): Promise<string | undefined> {
  return peek(dataDir, (database) => {
    const row = database.query("SELECT state FROM entry WHERE tool_call_id = ?").get(toolCallId);
    return row === null ? undefined : Entry.parse(row).state;
  });
}

/** What a journal tells of itself in the daemon's hello. A torn copy throws: look again. */
export async function journalFacts(dataDir: string): Promise<z.output<typeof Facts>> {
  return peek(dataDir, (database) =>
    Facts.parse(database.query("SELECT id, start_count startCount FROM journal").get()),
  );
}

async function peek<T>(dataDir: string, look: (database: Database) => T): Promise<T> {
  await using folder = await tempFolder("journal");
  for (const file of ["journal.db", "journal.db-wal"]) await copyFile(join(dataDir, file), join(folder.path, file));
  using database = new Database(join(folder.path, "journal.db"));
  return look(database);
}
