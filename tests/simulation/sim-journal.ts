import { Database } from "bun:sqlite";
import { ReliantError } from "../../src/core/errors.ts";
import type { Journal } from "../../src/daemon/journal.ts";
import { SqliteJournal } from "../../src/daemon/sqlite-journal.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** Copies of the journal that a backup keeps. */
const BACKUPS = 3;
/** The chance that a write of the running daemon is followed by a copy. */
const COPY = 0.05;
/** Within so long after a start the journal is put back to a copy, milliseconds. */
const BEHIND_START_MS = 50;
/** How often a restored copy is started before it meets a gateway: its start counter may pass the last one seen. */
const STARTS_ALONE = [0, 0, 1, 3, 10];

/** Told of what is on the disk. */
export interface JournalListener {
  started(toolCallId: string, life: Life): void;
  finished(toolCallId: string): void;
  /** A gateway has said that the ledger has the call's outcome. */
  acked(toolCallId: string): void;
  /** The journal was put back to what it was before the call started, or ended. */
  forgotten(toolCallId: string): void;
}

/** The disk of one machine: the production journal in a database in memory, which outlives the daemon's processes. */
export class SimDisk {
  private database = new Database(":memory:", { strict: true });
  private readonly backups: Uint8Array[] = [];
  /** What the last flush has brought to the disk, where something was written since. */
  private flushed: Uint8Array | undefined;

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly listener: JournalListener,
  ) {}

  /** Opened by one process; its writes may fail, and it may end before or after each. */
  open(life: Life): Journal {
    if (this.world.chance.hits(0.3)) this.backUp();
    return this.faulty(this.begin(), life);
  }

  /** The machine lost its power: what no flush has reached is gone. Only while no process has the journal. */
  losePower(): void {
    if (this.flushed !== undefined) this.putBack(this.flushed);
  }

  /** The folder was deleted; its backups were not. */
  lose(): void {
    this.database.close();
    this.database = new Database(":memory:", { strict: true });
    this.flushed = undefined;
  }

  /**
   * A copy is put back in its place, made while no process had the journal or while one wrote it. Only while none has it.
   */
  rollBack(): void {
    const copy = this.world.chance.oneOf(this.backups);
    if (copy === undefined) return;
    this.putBack(copy);
    for (let starts = this.world.chance.oneOf(STARTS_ALONE) ?? 0; starts > 0; starts--) this.begin();
  }

  close(): void {
    this.database.close();
  }

  /** Where a rollback does the most harm, and would hardly ever come by itself. */
  private rollBackSoon(life: Life): void {
    life.later(this.world.chance.real() * BEHIND_START_MS, () => {
      this.world.history.note(`FAULT ${life.name} is killed behind a start, and its journal rolled back`);
      life.end();
      this.rollBack();
    });
  }

  private begin(): SqliteJournal {
    return SqliteJournal.over(this.database, `journal of ${this.name}`);
  }

  /** How far each call has come that has started and whose result no gateway has acknowledged. */
  private progress(): ReadonlyMap<string, number> {
    const tables = this.database.query("select 1 from sqlite_schema where name = 'entry'").get();
    if (tables === null) return new Map();
    const rows = this.database
      .query<{ id: string; steps: number }, []>(
        `select tool_call_id id, case state when 'started' then 1 when 'result' then 2 else 3 end steps
         from entry where state <> 'offered'`,
      )
      .all();
    return new Map(rows.map(({ id, steps }) => [id, steps]));
  }

  private putBack(copy: Uint8Array): void {
    const before = this.progress();
    this.database.close();
    this.database = Database.deserialize(copy, { strict: true });
    this.flushed = undefined;
    const after = this.progress();
    for (const [toolCallId, steps] of before) {
      if (steps > (after.get(toolCallId) ?? 0)) this.listener.forgotten(toolCallId);
    }
  }

  private backUp(): void {
    this.backups.push(this.database.serialize());
    if (this.backups.length > BACKUPS) this.backups.shift();
  }

  private faulty(journal: SqliteJournal, life: Life): Journal {
    const { world } = this;
    const ended = () => new ReliantError("unavailable", "the process has ended");
    const write = (act: string, change: () => void, flushes = true) => {
      if (!life.isAlive || world.mayCrash(life, `before it journals ${act}`)) throw ended();
      if (world.faults.hits("journal: write fails")) {
        throw new ReliantError("resource_exhausted", `journal ${act}: the disk is full`);
      }
      if (!flushes) this.flushed ??= this.database.serialize();
      change();
      if (flushes) this.flushed = undefined;
      if (world.chance.hits(COPY)) this.backUp();
      world.history.note(`${life.name} journals ${act}`);
      if (world.mayCrash(life, `after it journalled ${act}`)) throw ended();
    };
    const named = (id: string) => world.history.name(id);
    return {
      get id() {
        return journal.id;
      },
      startCount: journal.startCount,
      find: (id) => journal.find(id),
      open: () => journal.open(),
      offer: (id, invocation) => {
        write(`the offer of ${named(id)}`, () => journal.offer(id, invocation), false);
      },
      forget: (id) => write(`that it forgets ${named(id)}`, () => journal.forget(id)),
      start: (id) => {
        write(`the start of ${named(id)}`, () => {
          journal.start(id);
          this.listener.started(id, life);
        });
        if (world.faults.hits("journal: rolled back behind a start")) this.rollBackSoon(life);
      },
      finish: (id, ending, result) => {
        const change = () => {
          journal.finish(id, ending, result);
          this.listener.finished(id);
        };
        write(`${ending} of ${named(id)}`, change, false);
      },
      flush: () => write("a flush", () => journal.flush()),
      ack: (id, ack) => {
        this.listener.acked(id);
        journal.ack(id, ack);
      },
      forgetOld: (nowMs, connection) => write("what is old", () => journal.forgetOld(nowMs, connection)),
      takeNewId: () => write("a new journal id", () => journal.takeNewId()),
      close: () => {
        if (life.isAlive) flush(journal);
      },
    };
  }
}

/** Acks that wait are written with any commit; the database itself stays open, as the disk does. */
function flush(journal: SqliteJournal): void {
  journal.forgetOld(0, undefined);
}
