import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";

/** Held for the process: the collector closes a database to which nothing refers, and its lock would go with it. */
const HELD = new Set<Database>();

export interface DataFolderLock {
  release(): void;
}

/**
 * Takes the data folder for this process alone. The lock is SQLite's on a file of its own, held by an open exclusive
 * transaction: the operating system takes it back when the process ends, however it ends. Beside it stands who holds it.
 * Throws `failed_precondition` where another process has it, `permission_denied` where the folder cannot be written.
 */
export function lockDataFolder(folder: string): DataFolderLock {
  const file = join(folder, "lock");
  const holderFile = join(folder, "lock.pid");
  const database = openLockFile(folder, file);
  try {
    database.run("begin exclusive");
  } catch (error) {
    database.close();
    throw new ReliantError("failed_precondition", `lock data folder ${folder}: ${holder(holderFile)} uses it`, {
      cause: error,
      hint: "Stop that process first, or give this one another folder with --data-dir.",
    });
  }
  writeFileSync(holderFile, `${process.pid}\n`, { mode: 0o600 });
  HELD.add(database);
  return {
    release: () => {
      if (!HELD.delete(database)) return;
      rmSync(holderFile, { force: true });
      database.run("rollback");
      database.close();
    },
  };
}

function openLockFile(folder: string, file: string): Database {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "a", 0o600));
    const database = new Database(file, { readwrite: true, create: true });
    database.run("pragma busy_timeout = 0");
    return database;
  } catch (error) {
    throw new ReliantError("permission_denied", `lock data folder ${folder}: ${messageOf(error)}`, {
      cause: error,
      hint: "Give the folder to the user who runs this, or name another one with --data-dir.",
    });
  }
}

function holder(file: string): string {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    if (Number.isInteger(pid) && pid > 0) return `process ${pid}`;
  } catch {
    // It is writing its number at this moment.
  }
  return "another process";
}
