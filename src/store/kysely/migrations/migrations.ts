import { FIRST } from "./0001-first.ts";
import { ROOM_IN_PAGES } from "./0002-room-in-pages.ts";
import { GRANTED_INSTANCE } from "./0003-granted-instance.ts";

/** A step of the schema. A version that was released never changes. */
export interface Migration {
  /** Counts from 1, without gap. */
  readonly version: number;
  /**
   * The oldest version whose releases still work with the schema after this step, so that servers of both releases run side
   * by side while an installation is upgraded. Default: this one.
   */
  readonly worksWith?: number;
  readonly statements: readonly string[];
  /** After them, in Postgres only: how it stores what is the same in both. */
  readonly inPostgres?: readonly string[];
}

/** One set for both databases. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: FIRST },
  { version: 2, worksWith: 1, statements: [], inPostgres: ROOM_IN_PAGES },
  { version: 3, worksWith: 1, statements: GRANTED_INSTANCE },
];

/** What a step does in one of the databases. */
export function statementsOf(migration: Migration, driver: "sqlite" | "postgres"): readonly string[] {
  return driver === "postgres" ? [...migration.statements, ...(migration.inPostgres ?? [])] : migration.statements;
}
