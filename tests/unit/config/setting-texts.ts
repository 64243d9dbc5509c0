import fc from "fast-check";
import type { Host } from "../../../src/config/host.ts";
import { mayBeShown } from "../../../src/config/parse-value.ts";
import type { Kind, Scope } from "../../../src/config/row.ts";
import { ROLES } from "../../../src/config/row.ts";
import { type KeyedRow, rowsOf } from "../../../src/config/settings-of.ts";

/** A Linux host with these variables. */
export function hostWith(env: Record<string, string> = {}): Host {
  return { env, platform: "linux", home: "/home/ada" };
}

export const NATS = "nats://localhost:4222";
export const POSTGRES = "postgres://reliant@localhost:5432/reliant";

/** The least that each server needs. */
export const SERVER_ENV = { NATS_URL: NATS, DATABASE_URL: POSTGRES };

/** A word that no other text holds: where it shows, a secret leaked. */
export const CANARY = "hunter2";

/** Texts that a setting of this kind takes. */
export function validText(kind: Kind): fc.Arbitrary<string> {
  switch (kind.name) {
    case "port":
      return fc.integer({ min: 1, max: 65_535 }).map(String);
    case "integer":
      return fc.integer({ min: kind.min, max: kind.max }).map(String);
    case "duration":
      return fc.constantFrom("90s", "30m", "1h", "7d");
    case "boolean":
      return fc.constantFrom("true", "false", "1", "0", "yes", "no", "TRUE");
    case "enum":
      return fc.constantFrom(...kind.choices);
    case "url":
      return fc.webUrl({ validSchemes: [...kind.protocols] });
    case "secretUrl":
      return fc.constantFrom(
        ...kind.protocols.map((protocol) => `${protocol}://ada:${CANARY}@db.example:1/x?key=${CANARY}`),
      );
    case "secret":
      return fc.stringMatching(/^[a-z]{1,20}$/).map((text) => `${CANARY}${text}`);
    case "string":
      return kind.form === undefined
        ? fc.stringMatching(/^[a-z0-9.]{1,20}$/)
        : fc.constantFrom(...fitting(kind.form.pattern));
    case "list":
      return fc
        .array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 4 })
        .map((items) => items.join(","));
    case "path":
    case "file":
      return fc.stringMatching(/^\/[a-z]{1,12}$/);
    case "pem":
      return fc.constantFrom("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----");
  }
}

/** A text that a setting of this kind does not take; `undefined` for kinds that take any text. */
export function invalidText(kind: Kind): string | undefined {
  switch (kind.name) {
    case "port":
      return "65536";
    case "integer":
      return "1.5";
    case "duration":
      return "soon";
    case "boolean":
      return "perhaps";
    case "enum":
      return "neither";
    case "url":
      return "ftp://example.org";
    case "secretUrl":
      return `mysql://ada:${CANARY}@db`;
    case "string":
      return kind.form === undefined ? undefined : "not so!";
    case "path":
    case "file":
      return "/a\0b";
    case "list":
    case "secret":
    case "pem":
      return undefined;
  }
}

function fitting(pattern: RegExp): string[] {
  return ["openai/gpt", "scripted/a.yaml", "ada", "usr_1"].filter((text) => pattern.test(text));
}

export interface ScopedRow extends KeyedRow {
  readonly scope: Scope;
}

/** Every row of every role. */
export function scopedRows(): readonly ScopedRow[] {
  return ROLES.flatMap((scope) => rowsOf(scope).map((row) => ({ scope, ...row })));
}

/** Every row of every role whose value must never show. */
export function secretRows(): readonly ScopedRow[] {
  return scopedRows().filter(({ row }) => !mayBeShown(row.kind) && row.kind.name !== "pem");
}
