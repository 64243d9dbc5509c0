import { type ErrorCode, messageOf, ReliantError } from "../../core/errors.ts";

/** What a driver's error means, by its code: SQLSTATE, SQLite's name, the socket's or postgres.js's. */
interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const AWAY: Meaning = { code: "unavailable", text: "the database is not available" };
const REFUSED: Meaning = {
  code: "permission_denied",
  text: "the database refuses the user or the password",
  hint: "Look at the user and the password in the database URL, and at the server's pg_hba.conf.",
};
const NOT_STORABLE: Meaning = {
  code: "invalid_argument",
  text: "a text holds a character that the database cannot store (U+0000)",
};
const RACE: Meaning = { code: "conflict", text: "another transaction was in the way" };

const BY_CODE: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["28P01", REFUSED],
  ["28000", REFUSED],
  ["42501", { code: "permission_denied", text: "the database's user lacks a right that this needs" }],
  ["3D000", { code: "failed_precondition", text: "there is no such database", hint: "Make it: createdb <name>" }],
  ["23505", { code: "already_exists", text: "it is there already" }],
  ["23503", { code: "failed_precondition", text: "something that it names is not there" }],
  ["22021", NOT_STORABLE],
  // The same, in a text that travels inside JSON.
  ["22P05", NOT_STORABLE],
  ["40001", RACE],
  ["40P01", RACE],
  ["53300", { code: "unavailable", text: "the database has no connection free" }],
  [
    "55P03",
    {
      code: "unavailable",
      text: "somebody holds what it needs for too long",
      hint: "Look in pg_stat_activity for a long transaction: a backup, or one that was left open.",
    },
  ],
  ["57014", { code: "unavailable", text: "the database took too long" }],
  // A server that another one takes the place of: the same statement passes on that one.
  ["25006", { code: "unavailable", text: "the database takes no writes now" }],
  ["40003", AWAY],
  ["25P03", AWAY],
  ["SQLITE_CONSTRAINT_UNIQUE", { code: "already_exists", text: "it is there already" }],
  ["SQLITE_CONSTRAINT_PRIMARYKEY", { code: "already_exists", text: "it is there already" }],
  ["SQLITE_CONSTRAINT_FOREIGNKEY", { code: "failed_precondition", text: "something that it names is not there" }],
  [
    "SQLITE_FULL",
    { code: "unavailable", text: "the disk is full", hint: "Free space on the disk of the data folder." },
  ],
  ["SQLITE_READONLY", { code: "permission_denied", text: "the database file may not be written" }],
  ["SQLITE_PERM", { code: "permission_denied", text: "the database file may not be opened" }],
  ["SQLITE_CANTOPEN", { code: "permission_denied", text: "the database file cannot be opened" }],
  [
    "SQLITE_NOTADB",
    {
      code: "failed_precondition",
      text: "the file is not a database",
      hint: "Name another file, or move this one away.",
    },
  ],
  [
    "SQLITE_CORRUPT",
    { code: "failed_precondition", text: "the database file is damaged", hint: "Restore it from a backup." },
  ],
  ["EACCES", { code: "permission_denied", text: "permission denied" }],
  ["EPERM", { code: "permission_denied", text: "permission denied" }],
  ["EROFS", { code: "permission_denied", text: "the file system is read-only" }],
  ["EISDIR", { code: "invalid_argument", text: "it is a folder, not a file" }],
  ["ENOTDIR", { code: "invalid_argument", text: "a part of its path is a file, not a folder" }],
]);

/** Classes of SQLSTATE (the first two characters) and beginnings of names. */
const BY_START: readonly (readonly [string, Meaning])[] = [
  ["08", AWAY],
  ["53", AWAY],
  ["57P", AWAY],
  ["58", AWAY],
  ["SQLITE_BUSY", { code: "unavailable", text: "another process holds the database" }],
  ["SQLITE_LOCKED", { code: "unavailable", text: "another process holds the database" }],
  ["SQLITE_IOERR", AWAY],
  ["CONNECT", AWAY],
  ["ECONN", AWAY],
  ["ENOTFOUND", AWAY],
  ["EAI_", AWAY],
  ["EHOST", AWAY],
  ["ENET", AWAY],
  ["EPIPE", AWAY],
  ["ETIMEDOUT", AWAY],
  ["ERR_TLS", AWAY],
];

/** The one place where a driver's error becomes ours. `act` says what was tried; no message holds a URL or a parameter. */
export function translateDatabaseError(error: unknown, act: string): ReliantError {
  if (error instanceof ReliantError) return error;
  const meaning = meaningOf(error);
  if (meaning === undefined) return new ReliantError("internal", `${act}: ${messageOf(error)}`, { cause: error });
  const { code, text, hint } = meaning;
  return new ReliantError(code, `${act}: ${text} (${messageOf(error)})`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * True where the database broke a transaction off for the sake of another one: the same again may pass. So may one that
 * was prepared before a table it reads got a new column; postgres.js prepares it anew then.
 */
export function isRace(error: unknown): boolean {
  const code = codeOf(error);
  return code === "40001" || code === "40P01" || (code === "0A000" && routineOf(error) === "RevalidateCachedQuery");
}

/** True where a lock was not got within `lock_timeout`. */
export function isHeldUp(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

/** True where a row with that key is there already. */
export function isDuplicate(error: unknown): boolean {
  return meaningOf(error)?.code === "already_exists";
}

function meaningOf(error: unknown): Meaning | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  return BY_CODE.get(code) ?? BY_START.find(([start]) => code.startsWith(start))?.[1];
}

/** The function of Postgres that refused, where it told: it tells errors of one SQLSTATE apart, in any language. */
function routineOf(error: unknown): unknown {
  return error instanceof Error && "routine" in error ? error.routine : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
