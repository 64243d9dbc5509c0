import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import ignore, { type Ignore } from "ignore";
import { LIMITS } from "../core/limits.ts";
import { shownPath } from "./paths.ts";

export interface WalkOptions {
  /** Real path of the folder to walk, and of the root that it is in: the rules of the folders between them hold too. */
  readonly folder: string;
  readonly root: string;
  /** Folders below `folder` that are entered: 1 is none of them. */
  readonly depth: number;
  readonly includeIgnored: boolean;
  readonly signal: AbortSignal;
}

export interface Entry {
  /** Real path. */
  readonly path: string;
  /** From the walk's folder, with `/`. */
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** What a walk could not show. */
export interface WalkEnd {
  /** True where `LIMITS.toolWalkEntries` ended it. */
  readonly cut: boolean;
  readonly unreadable: number;
}

/** One `.gitignore`; its rules are relative to its folder. */
interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

const IGNORE_FILE_BYTES = 1024 * 1024;

/**
 * Gives all files and folders below a folder, sorted, a folder before what is in it. Links are named and not followed.
 * `.git` is left out, and what the `.gitignore` files ignore, unless `includeIgnored`. Ends when the signal aborts.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<Entry, WalkEnd, undefined> {
  const state = { seen: 0, unreadable: 0 };
  const rules = options.includeIgnored ? [] : await rulesAbove(options.root, options.folder);
  yield* walkFolder(options.folder, "", 1, rules, options, state);
  return { cut: state.seen >= LIMITS.toolWalkEntries, unreadable: state.unreadable };
}

async function* walkFolder(
  folder: string,
  prefix: string,
  depth: number,
  above: readonly Rules[],
  options: WalkOptions,
  state: { seen: number; unreadable: number },
): AsyncGenerator<Entry, void, undefined> {
  const own = options.includeIgnored ? [] : await rulesOf(folder);
  const rules = [...above, ...own];
  for (const item of await entriesOf(folder, state)) {
    if (options.signal.aborted || state.seen >= LIMITS.toolWalkEntries) return;
    state.seen++;
    const path = join(folder, item.name);
    if (!options.includeIgnored && (item.name === ".git" || isIgnored(path, item.isDirectory(), rules))) continue;
    const name = `${prefix}${item.name}`;
    yield { path, name, kind: kindOf(item) };
    if (item.isDirectory() && depth < options.depth) {
      yield* walkFolder(path, `${name}/`, depth + 1, rules, options, state);
    }
  }
}

async function entriesOf(folder: string, state: { unreadable: number }): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    state.unreadable++;
    return [];
  }
}

function kindOf(item: Dirent): Entry["kind"] {
  if (item.isDirectory()) return "folder";
  if (item.isSymbolicLink()) return "link";
  return item.isFile() ? "file" : "other";
}

/** The rules of the root and of the folders between it and the walk's folder, that one not included. */
async function rulesAbove(root: string, folder: string): Promise<Rules[]> {
  const rules: Rules[] = [];
  if (root === folder) return rules;
  let at = root;
  for (const part of shownPath(folder, root).split("/")) {
    rules.push(...(await rulesOf(at)));
    at = join(at, part);
  }
  return rules;
}

async function rulesOf(folder: string): Promise<Rules[]> {
  const file = join(folder, ".gitignore");
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > IGNORE_FILE_BYTES) return [];
  const text = await readFile(file, "utf8").catch(() => "");
  return text === "" ? [] : [{ folder, rules: ignore().add(text) }];
}

/** The deepest rule that says something decides, as in git. */
function isIgnored(path: string, isFolder: boolean, all: readonly Rules[]): boolean {
  let ignored = false;
  for (const { folder, rules } of all) {
    const verdict = rules.test(shownPath(path, folder) + (isFolder ? "/" : ""));
    if (verdict.ignored) ignored = true;
    if (verdict.unignored) ignored = false;
  }
  return ignored;
}
