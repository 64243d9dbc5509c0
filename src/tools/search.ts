import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** What is looked for. Both ways of searching, ripgrep and the built-in one, take this. */
export interface SearchQuery {
  readonly pattern: string;
  readonly ignoreCase: boolean;
  /** Real path of the folder or file, and of the root that it is in. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly root: string;
  readonly roots: readonly string[];
  /** Takes names from the folder, with `/`. */
  fits(name: string): boolean;
  /** Lines around each match. */
  readonly context: number;
  readonly includeIgnored: boolean;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export type SearchEnd =
  | { readonly kind: "done"; readonly notes: readonly string[] }
  | { readonly kind: "refused"; readonly text: string };

/** One line to show. */
export interface FoundLine {
  /** From the folder, with `/`. */
  readonly file: string;
  readonly number: number;
  readonly text: string;
  /** False for a line around a match. */
  readonly matched: boolean;
}

/** Room in a result for what is said about the search. */
const NOTES_BYTES = 2048;
const SHOWN_CHARACTERS = 500;

/** Collects what is found, as far as there is room. */
export class SearchFindings {
  readonly lines: string[] = [];
  matches = 0;
  files = 0;
  full = false;
  private file: string | undefined;
  private lastNumber = 0;
  private left = LIMITS.toolResultTextBytes - NOTES_BYTES;

  constructor(private readonly maxMatches: number) {}

  /** False where there is no more room: the search may end. */
  add({ file, number, text, matched }: FoundLine): boolean {
    if (this.full || (matched && this.matches >= this.maxMatches)) {
      this.full = true;
      return false;
    }
    const shown: string[] = [];
    if (file !== this.file) shown.push(`${file}:`);
    else if (number > this.lastNumber + 1 && this.lastNumber > 0) shown.push("      …");
    shown.push(`${String(number).padStart(6)}${matched ? ":" : "-"} ${shortened(text)}`);
    const bytes = shown.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    if (bytes > this.left) {
      this.full = true;
      return false;
    }
    this.left -= bytes;
    if (file !== this.file) this.files++;
    this.file = file;
    this.lastNumber = number;
    if (matched) this.matches++;
    this.lines.push(...shown);
    return true;
  }
}

function shortened(line: string): string {
  const text = line.replace(/\r$/, "");
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
