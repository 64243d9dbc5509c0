import { FIRST } from "./0001-first.ts";

/** A step of the schema. A version that was released never changes. */
export interface Migration {
  /** Counts from 1, without gap. */
  readonly version: number;
  readonly statements: readonly string[];
}

/** One set for both databases. */
export const MIGRATIONS: readonly Migration[] = [{ version: 1, statements: FIRST }];
