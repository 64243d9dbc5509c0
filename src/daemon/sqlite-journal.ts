import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ToolResult } from "../chat/message.ts";
import { type ErrorCode, messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import {
  type Ack,
  type CallEnding,
  type Invocation,
  type Journal,
  type JournalEntry,
  mayForget,
  type OpenEntry,
  stateAfterCrash,
} from "./journal.ts";
import { readEnding, readInvocation, readResult } from "./journal-values.ts";

/** Without the indexes that earlier files have: each was a page more in nearly every commit, for what is asked at a start and every ten minutes. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS journal (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  id TEXT NOT NULL,
  start_count INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY,
  tool_call_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('offered', 'started', 'result', 'acked')),
  invocation TEXT,
  ending TEXT,
  result TEXT,
  acked_at_ms INTEGER,
  acked_on TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS place (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  file TEXT NOT NULL
) STRICT;
DROP INDEX IF EXISTS entry_open;
DROP INDEX IF EXISTS entry_acked;
`;
const SCHEMA_VERSION = 1;

/**
 * How many entries `forgetOld` looks at, beginning with the oldest: more than may be open, so that these do not keep it from
 * the rest. What was acked on the connection that lives may do so, but then so was nearly all that came later.
 */
const LOOKED_AT = LIMITS.daemonOpenCalls + 1000;

interface EntryRow {
  tool_call_id: string;
  state: JournalEntry["state"];
  invocation: string | null;
  ending: string | null;
  result: string | null;
  acked_at_ms: number | null;
  acked_on: string | null;
}

/**
 * The journal in one SQLite file. Held exclusively: a second process that opens it is refused, however the first one ended.
 * A flush to the disk (WAL, synchronous=FULL) takes about 0.2 ms; a call costs one: its start. Its offer is flushed with
 * that: one that a power failure loses was not started, and is offered again. Its result is flushed with the next start, or
 * by `flush`. Acks wait for the next commit: one that a crash loses has its result told again, and acked again, which
 * changes nothing.
 */
export class SqliteJournal implements Journal {
  private readonly acks = new Map<string, Ack>();
  private synchronous: "FULL" | "NORMAL" = "FULL";
  private unflushed = false;

  private constructor(
    private readonly database: Database,
    private readonly path: string,
    private journalId: string,
    readonly startCount: number,
  ) {}

  /**
   * Opens or makes the file, raises its start counter, and turns calls that had started into results `gone`. A file that is
   * a copy takes a new id: what it was copied from may have started, or be running, what the copy does not know of. Throws
   * `failed_precondition` where another process holds it, `schema_too_new`, `resource_exhausted`, `unavailable`.
   */
  static open(path: string): SqliteJournal {
    let database: Database | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      database = new Database(path, { create: true, readwrite: true, strict: true });
      // The size of a page counts for a new file only: with half of SQLite's default a commit writes half as much.
      // Exclusive before anything touches the file: the lock lasts as long as the process, and no shared memory file is needed.
      for (const pragma of [
        "page_size = 2048",
        "locking_mode = EXCLUSIVE",
        "journal_mode = WAL",
        "synchronous = FULL",
        "busy_timeout = 0",
        "cache_size = -512",
        "journal_size_limit = 4194304",
      ]) {
        database.run(`PRAGMA ${pragma}`);
      }
      const journal = SqliteJournal.over(database, path);
      journal.noticeCopy(fileOf(path));
      if (process.platform !== "win32") chmodSync(path, 0o600);
      return journal;
    } catch (error) {
      database?.close();
      throw failure(error, `open journal ${path}`);
    }
  }

  /** The journal in a database that is open; raises its start counter, and so on. `path`: its name in messages. */
  static over(database: Database, path: string): SqliteJournal {
    const { id, startCount } = begin(database, path);
    return new SqliteJournal(database, path, id, startCount);
  }

  get id(): string {
    return this.journalId;
  }

  find(toolCallId: string): JournalEntry | undefined {
    const row = this.query<EntryRow>("SELECT * FROM entry WHERE tool_call_id = ?").get(toolCallId);
    if (row === null) return undefined;
    if (this.acks.has(toolCallId)) return { state: "acked", toolCallId, ending: readEnding(row.ending) };
    return entryOf(row);
  }

  open(): readonly OpenEntry[] {
    return this.query<EntryRow>("SELECT tool_call_id, state FROM entry WHERE state <> 'acked' ORDER BY number")
      .all()
      .flatMap(({ tool_call_id: toolCallId, state }) =>
        state === "acked" || this.acks.has(toolCallId) ? [] : [{ toolCallId, state }],
      );
  }

  offer(toolCallId: string, invocation: Invocation): void {
    const change = () => {
      this.change("INSERT INTO entry (tool_call_id, state, invocation) VALUES (?, 'offered', ?)", [
        toolCallId,
        JSON.stringify(invocation),
      ]);
    };
    this.write(`journal the offer of ${toolCallId}`, change, "NORMAL");
  }

  forget(toolCallId: string): void {
    this.write(`forget ${toolCallId}`, () => {
      this.change("DELETE FROM entry WHERE tool_call_id = ? AND state = 'offered'", [toolCallId]);
    });
  }

  start(toolCallId: string): void {
    this.write(`journal the start of ${toolCallId}`, () => {
      this.change("UPDATE entry SET state = 'started' WHERE tool_call_id = ? AND state = 'offered'", [toolCallId]);
    });
  }

  finish(toolCallId: string, ending: CallEnding, result: ToolResult | undefined): void {
    const change = () => {
      this.change(
        `INSERT INTO entry (tool_call_id, state, ending, result) VALUES (?1, 'result', ?2, ?3)
         ON CONFLICT (tool_call_id) DO UPDATE SET state = 'result', ending = ?2, result = ?3, invocation = NULL
         WHERE state IN ('offered', 'started')`,
        [toolCallId, ending, result === undefined ? null : JSON.stringify(result)],
      );
    };
    this.write(`journal the result of ${toolCallId}`, change, "NORMAL");
  }

  flush(): void {
    if (!this.unflushed) return;
    try {
      // Flushes the log first, in both modes.
      this.database.run("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      throw failure(error, `flush ${this.path}`);
    }
    this.unflushed = false;
  }

  ack(toolCallId: string, ack: Ack): void {
    this.acks.set(toolCallId, ack);
  }

  forgetOld(nowMs: number, connection: string | undefined): void {
    const keepMs = LIMITS.journalKeepMs;
    this.write("forget old entries", () => {
      const old = this.query<EntryRow>(
        `SELECT * FROM (SELECT * FROM entry ORDER BY number LIMIT ${LOOKED_AT})
         WHERE state = 'acked' AND acked_at_ms < ?`,
      ).all(nowMs - keepMs);
      for (const { tool_call_id: toolCallId, acked_at_ms: atMs, acked_on: ackedOn } of old) {
        if (atMs === null || ackedOn === null) continue;
        if (!mayForget({ atMs, connection: ackedOn }, { atMs: nowMs, connection, keepMs })) continue;
        this.database.run("DELETE FROM entry WHERE tool_call_id = ?", [toolCallId]);
      }
    });
  }

  takeNewId(): void {
    const id = newId("jrn");
    this.write("take a new journal id", () => this.change("UPDATE journal SET id = ?", [id]));
    this.journalId = id;
  }

  /** `file` names the file itself, wherever it lies. The first time it is only noted. */
  private noticeCopy(file: string): void {
    const known = this.query<{ file: string }>("SELECT file FROM place").get();
    if (known?.file === file) return;
    if (known !== null) this.takeNewId();
    this.write("note the journal's file", () => {
      this.change(
        "INSERT INTO place (only, file) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET file = excluded.file",
        [file],
      );
    });
  }

  close(): void {
    try {
      if (this.acks.size > 0) this.write("journal acks", () => {});
    } finally {
      this.database.close();
    }
  }

  /** One commit: what came before it and may wait (acks), then `change`. `NORMAL`: it is flushed with the next `FULL` one. */
  private write(act: string, change: () => void, synchronous: "FULL" | "NORMAL" = "FULL"): void {
    try {
      if (synchronous !== this.synchronous) this.database.run(`PRAGMA synchronous = ${synchronous}`);
      this.synchronous = synchronous;
      this.transact(() => {
        for (const [toolCallId, { atMs, connection }] of this.acks) {
          this.query(
            `UPDATE entry SET state = 'acked', result = NULL, acked_at_ms = ?, acked_on = ?
             WHERE tool_call_id = ? AND state = 'result'`,
          ).run(atMs, connection, toolCallId);
        }
        change();
      });
    } catch (error) {
      throw failure(error, `${act} in ${this.path}`);
    }
    this.unflushed = synchronous === "NORMAL";
    this.acks.clear();
  }

  /** By hand: `Database.transaction` makes its functions anew, which costs half as much as the statements do. */
  private transact(work: () => void): void {
    this.query("BEGIN").run();
    try {
      work();
      this.query("COMMIT").run();
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (this.database.inTransaction) this.query("ROLLBACK").run();
      throw error;
    }
  }

  /** Our own rules decide before we write; a write that does not fit the entry is our mistake. */
  private change(sql: string, values: (string | number | null)[]): void {
    if (this.query(sql).run(...values).changes === 1) return;
    throw new ReliantError("internal", `the entry ${values.find((value) => value !== null)} is not in that state`);
  }

  private query<Row = unknown>(sql: string) {
    return this.database.query<Row, (string | number | null)[]>(sql);
  }
}

/** What stays when the file is moved within its file system, and is another for every copy. A device's number may change with a reboot. */
function fileOf(path: string): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  return `${ino}.${birthtimeNs}`;
}

/** One transaction at every open. */
function begin(database: Database, path: string): { id: string; startCount: number } {
  return database
    .transaction(() => {
      const version = database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
      if (version > SCHEMA_VERSION) {
        throw new ReliantError("schema_too_new", `open journal ${path}: written by a newer reliant`, {
          hint: "install the newest reliant on this machine",
        });
      }
      database.run(SCHEMA);
      database.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
      database.run(
        `INSERT INTO journal (only, id, start_count) VALUES (1, ?, 1)
         ON CONFLICT (only) DO UPDATE SET start_count = start_count + 1`,
        [newId("jrn")],
      );
      const crashed = stateAfterCrash("started");
      database.run(`UPDATE entry SET state = ?, ending = 'gone', invocation = NULL WHERE state = 'started'`, [crashed]);
      const row = database.query<{ id: string; start_count: number }, []>("SELECT id, start_count FROM journal").get();
      if (row === null) throw new ReliantError("internal", `open journal ${path}: it has no row`);
      return { id: row.id, startCount: row.start_count };
    })
    .immediate();
}

function entryOf(row: EntryRow): JournalEntry {
  const toolCallId = row.tool_call_id;
  switch (row.state) {
    case "offered":
      return { state: "offered", toolCallId, invocation: readInvocation(row.invocation ?? "") };
    case "started":
      return { state: "started", toolCallId };
    case "result":
      return { state: "result", toolCallId, ending: readEnding(row.ending), result: readResult(row.result) };
    case "acked":
      return { state: "acked", toolCallId, ending: readEnding(row.ending) };
  }
}

function failure(error: unknown, act: string): ReliantError {
  if (error instanceof ReliantError) return error;
  const sqlite = error instanceof SQLiteError ? error.code : undefined;
  if (sqlite === "SQLITE_BUSY" || sqlite === "SQLITE_LOCKED") {
    return new ReliantError("failed_precondition", `${act}: another reliant daemon holds it`, {
      cause: error,
      hint: "`reliant daemon status` shows it, `reliant daemon stop` ends it; a second daemon needs its own --data-dir",
    });
  }
  const code: ErrorCode = sqlite === "SQLITE_FULL" ? "resource_exhausted" : "unavailable";
  return new ReliantError(code, `${act}: ${sqlite === "SQLITE_FULL" ? "the disk is full" : messageOf(error)}`, {
    cause: error,
  });
}
