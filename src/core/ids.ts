import { ReliantError } from "./errors.ts";

/** The kinds of ids, by their prefix. */
export type IdKind =
  | "usr"
  | "tok"
  | "dmn"
  | "prj"
  | "wkt"
  | "chat"
  | "msg"
  | "call"
  | "run"
  | "apr"
  | "wfl"
  | "gtw"
  | "ins"
  | "jrn"
  | "wrk"
  | "out"
  | "inc";

/** A new id: its kind, `_`, and a UUIDv7 without dashes, so that ids of one kind sort by time. One NATS subject token. */
export function newId(kind: IdKind): string {
  return `${kind}_${Bun.randomUUIDv7().replaceAll("-", "")}`;
}

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** True where the text is one NATS subject token (no dot, wildcard or blank) of at most 128 characters. */
export function isIdToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The id itself; throws `invalid_argument` where it is not one subject token. */
export function checkIdToken(text: string, what: string): string {
  if (isIdToken(text)) return text;
  throw new ReliantError(
    "invalid_argument",
    `${what} ${JSON.stringify(text.slice(0, 80))} is not an id: letters, digits, "_" and "-" only, at most 128`,
  );
}
