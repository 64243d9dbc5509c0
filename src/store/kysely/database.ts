import type { Kysely, Transaction } from "kysely";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Announcement } from "../store.ts";
import { isRace, translateDatabaseError } from "./database-errors.ts";
import type { Tables } from "./schema.ts";

export type Driver = "sqlite" | "postgres";

/** One transaction under way, and what it will have announced once it stands. */
export interface Write {
  readonly db: Transaction<Tables>;
  readonly driver: Driver;
  readonly nowMs: number;
  /** Told after the commit; of several numbers of one chat or user only the last. */
  announce(announcement: Announcement): void;
}

/** A statement without a transaction around it, and what it will have announced. */
export interface SingleWrite extends Pick<Write, "nowMs" | "announce"> {
  readonly db: Kysely<Tables>;
}

/** Thrown inside a transaction that looked before somebody else wrote: it begins again. */
export class LookAgain extends Error {
  override readonly name = "LookAgain";
}

/**
 * The database as the aggregates use it: reads, and transactions that are repeated where the database broke them off
 * for another one's sake. Driver's errors end here.
 *
 * Locks are taken in one order everywhere, so that no two transactions wait for each other: daemon, tool call (several
 * in the order of their ids), chat, message, user. Who takes many daemons or users passes over those that are held.
 */
export class Database {
  private openCount = 0;

  constructor(
    readonly kysely: Kysely<Tables>,
    readonly driver: Driver,
    readonly clock: Clock,
    private readonly tell: (announcement: Announcement) => void,
  ) {}

  get transactionsOpen(): number {
    return this.openCount;
  }

  /** One statement or a few that need not fit together. */
  async read<T>(act: string, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    return this.counted(act, () => work(this.kysely));
  }

  /** Several statements that see the same moment. */
  async snapshot<T>(act: string, work: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    const begin = this.kysely.transaction().setAccessMode("read only");
    const isolated = this.driver === "postgres" ? begin.setIsolationLevel("repeatable read") : begin;
    return this.retried(act, () => isolated.execute(work));
  }

  /** A single statement that stands for itself; `announce` is called when it has. */
  async single<T>(act: string, work: (write: SingleWrite) => Promise<T>): Promise<T> {
    const announced = new Announced();
    const { kysely: db, clock } = this;
    const value = await this.retried(act, () => work({ db, nowMs: clock.now(), announce: announced.add }));
    announced.tellAll(this.tell);
    return value;
  }

  async write<T>(act: string, work: (write: Write) => Promise<T>): Promise<T> {
    const { value, announced } = await this.retried(act, async () => {
      const announced = new Announced();
      const nowMs = this.clock.now();
      const value = await this.kysely
        .transaction()
        .execute((db) => work({ db, driver: this.driver, nowMs, announce: announced.add }));
      return { value, announced };
    });
    announced.tellAll(this.tell);
    return value;
  }

  private async retried<T>(act: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.counted(act, work);
      } catch (error) {
        const again = error instanceof LookAgain || (error instanceof ReliantError && isRace(error.cause));
        if (!again) throw error;
        if (attempt + 1 >= LIMITS.transactionAttempts) {
          throw new ReliantError("conflict", `${act}: others were in the way ${attempt + 1} times`, { cause: error });
        }
      }
      const bounds = { baseMs: LIMITS.transactionRetryBaseMs, maxMs: LIMITS.transactionRetryMaxMs };
      await this.clock.sleep(backoffMs(attempt, bounds));
    }
  }

  private async counted<T>(act: string, work: () => Promise<T>): Promise<T> {
    if (this.openCount >= LIMITS.databaseWaiting) {
      throw new ReliantError("resource_exhausted", `${act}: ${this.openCount} others wait for the database`);
    }
    this.openCount++;
    try {
      return await work();
    } catch (error) {
      if (error instanceof LookAgain) throw error;
      throw translateDatabaseError(error, act);
    } finally {
      this.openCount--;
    }
  }
}

class Announced {
  private readonly latest = new Map<string, Announcement>();

  readonly add = (announcement: Announcement): void => {
    const key = announcement.kind === "chat_sequence" ? announcement.chatId : announcement.userId;
    this.latest.set(`${announcement.kind} ${key}`, announcement);
  };

  tellAll(tell: (announcement: Announcement) => void): void {
    for (const announcement of this.latest.values()) tell(announcement);
  }
}
