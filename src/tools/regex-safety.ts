import { LIMITS } from "../core/limits.ts";

/** How far a line may be looked at, or why a match could take for ever. */
export type RegexCost =
  | { readonly kind: "bounded"; readonly lineCharacters: number }
  | { readonly kind: "endless"; readonly reason: string };

/** Steps of the matcher that one line may take: about a second. */
const LINE_STEPS = 5e8;
/** Repetitions that may take the same characters from each other; with more only very short lines could be looked at. */
const MAX_RIVALS = 4;

/**
 * What a regular expression may cost. The built-in search runs in the daemon's own process, where nothing can end a
 * match that is under way. Exponential: a repetition inside a repetition, `(a+)+`, or one of alternatives that begin
 * alike, `(a|ab)+`. Polynomial: several repetitions that can take the same characters, `.*.*x`; the line is cut so that
 * the worst case stays within a second.
 */
export function regexCost(pattern: string): RegexCost {
  const repeated = new Map<string, number>();
  const reason = scan(pattern, (atom) => repeated.set(atom, (repeated.get(atom) ?? 0) + 1));
  if (reason !== undefined) return { kind: "endless", reason };
  const rivals = rivalsAmong(repeated);
  if (rivals > MAX_RIVALS) return { kind: "endless", reason: `${rivals} of its repetitions can take the same text` };
  // Each rival and the place where the match begins add one power; their order divides by the factorial.
  const power = rivals + 1;
  const factorial = Array.from({ length: power }, (_, index) => index + 1).reduce((product, each) => product * each, 1);
  const longest = Math.floor((LINE_STEPS * factorial) ** (1 / power));
  return { kind: "bounded", lineCharacters: Math.min(LIMITS.toolLineCharacters, longest) };
}

/** Wide repetitions rival with all others; narrow ones with their like. */
function rivalsAmong(repeated: ReadonlyMap<string, number>): number {
  let wide = 0;
  let narrow = 0;
  for (const [atom, times] of repeated) {
    if (/^(?:\.|\[\^.*|\\[SWD]|\(.*)$/s.test(atom)) wide += times;
    else narrow = Math.max(narrow, times);
  }
  return wide + narrow;
}

/** Tells each atom that is repeated; gives the reason where the time is exponential. */
function scan(pattern: string, onRepeated: (atom: string) => void): string | undefined {
  const groups: Group[] = [newGroup(0)];
  for (let at = 0; at < pattern.length; ) {
    const group = groups.at(-1) ?? newGroup(0);
    const atom = readAtom(pattern, at);
    if (atom.kind === "open") {
      groups.push(newGroup(at));
      at = atom.end;
      continue;
    }
    if (atom.kind === "bar") {
      group.begins.push("");
      at = atom.end;
      continue;
    }
    const closed = atom.kind === "close" && groups.length > 1 ? groups.pop() : undefined;
    const outer = groups.at(-1) ?? group;
    const text = pattern.slice(closed === undefined ? at : closed.from, atom.end);
    const repetition = /^(?:[*+]|\{\d+,\d*\}|\{\d\d+\})/.exec(pattern.slice(atom.end))?.[0];
    if (repetition !== undefined) {
      if (closed?.repeats === true) return `${text}${repetition} is a repetition inside a repetition`;
      if (closed !== undefined && !beginDifferently(closed.begins)) {
        return `${text}${repetition} repeats alternatives that begin alike`;
      }
      onRepeated(text);
    }
    if (repetition !== undefined || closed?.repeats === true) outer.repeats = true;
    const last = outer.begins.length - 1;
    if (outer.begins[last] === "") outer.begins[last] = closed === undefined ? text : "(";
    at = atom.end + (repetition?.length ?? 0);
  }
  return undefined;
}

interface Group {
  readonly from: number;
  repeats: boolean;
  /** The first atom of each alternative. */
  begins: string[];
}

type Atom = { readonly kind: "open" | "close" | "bar" | "one"; readonly end: number };

function newGroup(from: number): Group {
  return { from, repeats: false, begins: [""] };
}

function readAtom(pattern: string, at: number): Atom {
  switch (pattern[at]) {
    case "\\":
      return { kind: "one", end: Math.min(pattern.length, at + 2) };
    case "[":
      return { kind: "one", end: classEnd(pattern, at) };
    case "(": {
      const prefix = /^\((?:\?(?::|=|!|<=|<!|<[^>]*>))?/.exec(pattern.slice(at))?.[0] ?? "(";
      return { kind: "open", end: at + prefix.length };
    }
    case ")":
      return { kind: "close", end: at + 1 };
    case "|":
      return { kind: "bar", end: at + 1 };
    default:
      return { kind: "one", end: at + 1 };
  }
}

function classEnd(pattern: string, at: number): number {
  for (let end = at + 1; end < pattern.length; end++) {
    if (pattern[end] === "\\") end++;
    else if (pattern[end] === "]" && end > at + 1) return end + 1;
  }
  return pattern.length;
}

/** True where no two alternatives can begin with the same character; only plain characters are known to differ. */
function beginDifferently(begins: readonly string[]): boolean {
  if (begins.length === 1) return true;
  return begins.every((begin) => /^[\w\s<>"'#/=:;,@%&~`!-]$/.test(begin)) && new Set(begins).size === begins.length;
}
