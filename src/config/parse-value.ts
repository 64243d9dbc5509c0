import type { Kind, Value } from "./row.ts";
import { maskAddress, Secret } from "./secret.ts";
import { nearest } from "./suggest.ts";

/** The value, or why the text is none: a phrase that goes on after the text, with what to give. */
export type Parsed = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string };

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
const UNITS_MS = new Map([
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Reads the text of a flag or variable as its kind wants it. Pure: files are looked at in `check-files.ts`. */
export function parseValue(kind: Kind, text: string): Parsed {
  switch (kind.name) {
    case "string":
      if (kind.form === undefined || kind.form.pattern.test(text)) return good(text);
      return bad(`give ${kind.form.says}`);
    case "path":
    case "file":
      return text.includes("\0") ? bad("a path cannot hold a NUL character") : good(text);
    case "pem":
      // Variables of container platforms often cannot hold line breaks: they come as the two characters \n.
      return good(text.replaceAll("\\n", "\n"));
    case "port":
      return parseWhole(
        text,
        kind.listens ? 0 : 1,
        65_535,
        kind.listens ? "a port from 0 (any free one) to 65535" : "a port",
      );
    case "integer":
      return parseWhole(text, kind.min, kind.max, "a whole number");
    case "duration":
      return parseDuration(text, kind.minMs, kind.maxMs);
    case "boolean":
      return parseBoolean(text);
    case "enum":
      return parseChoice(text, kind.choices);
    case "url":
      return parseUrl(text, kind.protocols);
    case "list":
      return good(splitList(text));
    case "secret":
      return good(new Secret(text));
    case "secretUrl":
      return parseSecretUrl(text, kind);
  }
}

/** The parts between commas, trimmed, without empty ones. */
function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** True where the text of this kind may be repeated in an error message. */
export function mayBeShown(kind: Kind): boolean {
  return kind.name !== "secret" && kind.name !== "secretUrl" && kind.name !== "pem";
}

function parseWhole(text: string, min: number, max: number, what: string): Parsed {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return good(value);
  return bad(what.includes(" to ") ? `give ${what}` : `give ${what} from ${min} to ${max}`);
}

function parseDuration(text: string, minMs: number, maxMs: number): Parsed {
  const match = /^(\d{1,9})([smhd])$/.exec(text.trim());
  const valueMs = match === null ? Number.NaN : Number(match[1]) * (UNITS_MS.get(match[2] ?? "") ?? Number.NaN);
  if (valueMs >= minMs && valueMs <= maxMs) return good(valueMs);
  return bad(`give a time from ${durationText(minMs)} to ${durationText(maxMs)}, as in 90s, 30m, 1h or 7d`);
}

/** The time in its largest whole unit: `1h`, `90s`. */
export function durationText(valueMs: number): string {
  const unit = [...UNITS_MS].reverse().find(([, unitMs]) => valueMs % unitMs === 0);
  return unit === undefined ? `${valueMs}ms` : `${valueMs / unit[1]}${unit[0]}`;
}

function parseBoolean(text: string): Parsed {
  const word = text.trim().toLowerCase();
  if (TRUE.includes(word)) return good(true);
  if (FALSE.includes(word)) return good(false);
  return bad("give true or false (or 1, 0, yes, no)");
}

function parseChoice(text: string, choices: readonly string[]): Parsed {
  const word = text.trim().toLowerCase();
  if (choices.includes(word)) return good(word);
  const meant = nearest(word, choices);
  const list = choices.join(", ");
  return bad(meant === undefined ? `give one of ${list}` : `give one of ${list}; did you mean ${meant}?`);
}

function parseUrl(text: string, protocols: readonly string[]): Parsed {
  const wanted = protocols.map((protocol) => `${protocol}://…`).join(" or ");
  if (!URL.canParse(text)) return bad(`give an address, ${wanted}`);
  const url = new URL(text);
  if (!protocols.includes(url.protocol.slice(0, -1)) || url.host === "") return bad(`give an address, ${wanted}`);
  if (url.username !== "" || url.password !== "") return bad("leave user and password out of the address");
  return good(text);
}

function parseSecretUrl(text: string, kind: { protocols: readonly string[]; several: boolean }): Parsed {
  const addresses = kind.several ? splitList(text) : [text.trim()];
  const fits = (address: string) => kind.protocols.some((protocol) => new RegExp(`^${protocol}://\\S`).test(address));
  if (addresses.length > 0 && addresses.every(fits)) {
    return good(new Secret(addresses.join(","), addresses.map(maskAddress).join(",")));
  }
  return bad(`give an address that begins with ${kind.protocols.map((protocol) => `${protocol}://`).join(", ")}`);
}

function good(value: Value): Parsed {
  return { ok: true, value };
}

function bad(reason: string): Parsed {
  return { ok: false, reason };
}
