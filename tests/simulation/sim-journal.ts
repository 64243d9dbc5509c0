import { Database } from "bun:sqlite";
import { ReliantError } from "../../src/core/errors.ts";
import type { Journal } from "../../src/daemon/journal.ts";
import { SqliteJournal } from "../../src/daemon/sqlite-journal.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** Copies of the journal that a backup keeps. */
const BACKUPS = 3;

/** Told of what is on the disk. */
export interface JournalListener {
  started(toolCallId: string, life: Life): void;
  finished(toolCallId: string): void;
}

/** The disk of one machine: the production journal in a database in memory, which outlives the daemon's processes. */
export class SimDisk {
  private database = new Database(":memory:", { strict: true });
  private readonly backups: Uint8Array[] = [];
  /** The backup that was restored, until a gateway has answered a daemon that speaks for it. */
  private restored: Uint8Array | undefined;
  /** Offers that no flush has brought to the disk yet. */
  private readonly unflushed: string[] = [];

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly listener: JournalListener,
  ) {}

  /** Opened by one process; its writes may fail, and it may end before or after each. */
  open(life: Life): Journal {
    if (this.restored !== undefined) this.load(this.restored);
    else if (this.world.chance.hits(0.3)) this.backUp();
    const journal = SqliteJournal.over(this.database, `journal of ${this.name}`);
    return this.faulty(journal, life);
  }

  /** The machine lost its power: what no flush has reached is gone. Only while no process has the journal. */
  losePower(): void {
    for (const toolCallId of this.unflushed) {
      this.database.run("delete from entry where tool_call_id = ? and state = 'offered'", [toolCallId]);
    }
    this.unflushed.length = 0;
  }

  /** The folder was deleted; its backups were not. */
  lose(): void {
    this.database.close();
    this.database = new Database(":memory:", { strict: true });
    this.unflushed.length = 0;
    this.restored = undefined;
  }

  /** A backup from before some start is restored; at each start, until a gateway has answered: see README.md. */
  rollBack(): void {
    this.restored = this.world.chance.oneOf(this.backups);
  }

  /** A gateway has welcomed the daemon, or has told it that its journal is a copy. */
  answered(): void {
    this.restored = undefined;
  }

  close(): void {
    this.database.close();
  }

  private load(bytes: Uint8Array): void {
    this.database.close();
    this.database = Database.deserialize(bytes, { strict: true });
    this.unflushed.length = 0;
  }

  private backUp(): void {
    this.backups.push(this.database.serialize());
    if (this.backups.length > BACKUPS) this.backups.shift();
  }

  private faulty(journal: SqliteJournal, life: Life): Journal {
    const { world, unflushed } = this;
    const ended = () => new ReliantError("unavailable", "the process has ended");
    const write = (act: string, change: () => void, flushes = true) => {
      if (!life.isAlive || world.mayCrash(life, `before it journals ${act}`)) throw ended();
      if (world.faults.hits("journal: write fails")) {
        throw new ReliantError("resource_exhausted", `journal ${act}: the disk is full`);
      }
      change();
      if (flushes) unflushed.length = 0;
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
        unflushed.push(id);
      },
      forget: (id) => write(`that it forgets ${named(id)}`, () => journal.forget(id)),
      start: (id) =>
        write(`the start of ${named(id)}`, () => {
          journal.start(id);
          this.listener.started(id, life);
        }),
      finish: (id, ending, result) =>
        write(`${ending} of ${named(id)}`, () => {
          journal.finish(id, ending, result);
          this.listener.finished(id);
        }),
      ack: (id, ack) => journal.ack(id, ack),
      forgetOld: (nowMs, connection) => write("what is old", () => journal.forgetOld(nowMs, connection)),
      takeNewId: () =>
        write("a new journal id", () => {
          journal.takeNewId();
          this.answered();
        }),
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
