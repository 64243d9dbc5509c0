import { allRows, type KeyedRow, type SettingKey } from "./settings-of.ts";
import { nearest } from "./suggest.ts";

/** Arguments, sorted: what each flag was given (in order), what stands alone, and what cannot be understood. */
export interface SortedArgv {
  readonly given: ReadonlyMap<SettingKey, readonly string[]>;
  readonly positionals: readonly string[];
  readonly faults: readonly string[];
}

/**
 * Sorts arguments by the rows that are taken: `--flag value`, `--flag=value`; a boolean is `--x`, `--x=false` or `--no-x`.
 * `--` ends the flags. A value may begin with a dash if it does not look like a flag (`-`, `-5`, a PEM text).
 */
export function sortArgv(argv: readonly string[], rows: readonly KeyedRow[]): SortedArgv {
  const given = new Map<SettingKey, string[]>();
  const positionals: string[] = [];
  const faults: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (argument === "--") {
      positionals.push(...argv.slice(index + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      positionals.push(argument);
      continue;
    }
    const [name, inline] = cutOnce(argument);
    const found = findFlag(name, rows);
    if (found === undefined) {
      faults.push(unknownFlag(name, rows));
      const value = argv[index + 1];
      if (inline === undefined && value !== undefined && !looksLikeFlag(value)) index++;
      continue;
    }
    const { key, row } = found.row;
    const isBoolean = row.kind.name === "boolean";
    if (found.negated && inline !== undefined) {
      faults.push(`${name} takes no value: write ${row.flag}=${inline} or ${name}`);
      continue;
    }
    let value = inline;
    if (value === undefined && isBoolean) value = found.negated ? "false" : "true";
    const next = argv[index + 1];
    if (value === undefined && next !== undefined && !looksLikeFlag(next)) {
      value = next;
      index++;
    }
    if (value === undefined || (value === "" && row.kind.name !== "list")) {
      faults.push(`${name} needs a value: ${name}=…`);
      continue;
    }
    given.set(key, [...(given.get(key) ?? []), value]);
  }
  return { given, positionals, faults };
}

/** True where help is asked for, before a `--`. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).some((argument) => argument === "--help" || argument === "-h");
}

/** The arguments that belong to these rows, and all others: for a command that takes another's flags beside its own. */
export function splitArgv(argv: readonly string[], rows: readonly KeyedRow[]): { mine: string[]; others: string[] } {
  const mine: string[] = [];
  const others: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    const [name, inline] = cutOnce(argument);
    const found = findFlag(name, rows);
    (found === undefined ? others : mine).push(argument);
    const next = argv[index + 1];
    if (found === undefined || inline !== undefined || found.row.row.kind.name === "boolean") continue;
    if (next === undefined || looksLikeFlag(next)) continue;
    mine.push(next);
    index++;
  }
  return { mine, others };
}

function cutOnce(argument: string): readonly [string, string | undefined] {
  const equals = argument.indexOf("=");
  return equals < 0 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

function looksLikeFlag(text: string): boolean {
  return text === "--" || /^(--[a-z]|-[a-z]$)/i.test(text);
}

function findFlag(name: string, rows: readonly KeyedRow[]): { row: KeyedRow; negated: boolean } | undefined {
  const plain = rows.find(({ row }) => row.flag === name);
  if (plain !== undefined) return { row: plain, negated: false };
  const positive = rows.find(({ row }) => row.kind.name === "boolean" && `--no-${row.flag.slice(2)}` === name);
  return positive === undefined ? undefined : { row: positive, negated: true };
}

function unknownFlag(name: string, rows: readonly KeyedRow[]): string {
  const elsewhere = allRows().find(({ row }) => row.flag === name);
  if (elsewhere !== undefined) {
    const scopes = Object.keys(elsewhere.row.scopes).join(", ");
    return `unknown flag ${name} here: it belongs to ${scopes}`;
  }
  const flags = ["--help", ...rows.map(({ row }) => row.flag)];
  const meant = nearest(name, flags);
  return meant === undefined ? `unknown flag ${name}` : `unknown flag ${name}: did you mean ${meant}?`;
}
