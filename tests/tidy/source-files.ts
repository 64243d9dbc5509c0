import { dirname, join, posix } from "node:path";
import { type StrippedSource, stripSource } from "./source-text.ts";

export const ROOT = join(import.meta.dir, "../..");

/** One import, re-export or dynamic import. */
export interface ImportOf {
  /** The file in this repository, relative to its root, or the name of a package. */
  readonly target: string;
  readonly ours: boolean;
  readonly typeOnly: boolean;
  /** Loaded when it is needed, not with the file. */
  readonly later: boolean;
  /** Names that are taken, as the other file exports them; `*` for all of them. */
  readonly names: readonly string[];
}

export interface ExportOf {
  readonly name: string;
  readonly isType: boolean;
}

export interface SourceFile extends StrippedSource {
  /** Relative to the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly ImportOf[];
  readonly exports: readonly ExportOf[];
}

/** Every TypeScript file of `src`, `tests` and the build script. Those that are generated are read, too. */
export async function readSources(): Promise<readonly SourceFile[]> {
  const globs = ["src/**/*.ts", "tests/**/*.ts", "build.ts"].map((glob) => new Bun.Glob(glob).scan({ cwd: ROOT }));
  const paths = (await Promise.all(globs.map((glob) => Array.fromAsync(glob)))).flat().sort();
  return Promise.all(paths.map(async (path) => readSource(path, await Bun.file(join(ROOT, path)).text())));
}

/** A file's imports and exports. */
export function readSource(path: string, text: string): SourceFile {
  const stripped = stripSource(text);
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return {
    path,
    text,
    lines,
    ...stripped,
    imports: importsOf(path, stripped.withStrings),
    exports: exportsOf(stripped.codeOnly),
  };
}

const STATIC = /^[ \t]*(?:import|export)\s+(type\s+)?([\w$\s,*{}]+?)\s+from\s+["']([^"']+)["']/gm;
const SIDE_EFFECT = /^[ \t]*import\s+["']([^"']+)["']/gm;
/** `(await import("x")).name`, `import("x").Name`, `import("x")`. */
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']\s*\)\)?(?:\s*\.\s*(\w+))?/g;
const NEW_URL = /new URL\(\s*["'](\.[^"']+\.ts)["'],\s*import\.meta\.url\s*\)/g;

function importsOf(path: string, text: string): readonly ImportOf[] {
  const found: ImportOf[] = [];
  const add = (specifier: string, names: readonly string[], { typeOnly = false, later = false } = {}) => {
    const ours = specifier.startsWith(".");
    const target = ours ? posix.normalize(posix.join(dirname(path), specifier)) : packageOf(specifier);
    found.push({ target, ours, typeOnly, later, names });
  };
  for (const [, type, clause, specifier] of text.matchAll(STATIC)) {
    add(specifier ?? "", namesIn(clause ?? ""), { typeOnly: type !== undefined });
  }
  for (const [, specifier] of text.matchAll(SIDE_EFFECT)) add(specifier ?? "", []);
  for (const [, specifier, name] of text.matchAll(DYNAMIC)) add(specifier ?? "", [name ?? "*"], { later: true });
  for (const [, specifier] of text.matchAll(NEW_URL)) add(specifier ?? "", ["*"], { later: true });
  return found;
}

function namesIn(clause: string): readonly string[] {
  if (clause.includes("*")) return ["*"];
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? "";
  return braces
    .split(",")
    .map((part) => part.trim().replace(/^type\s+/, ""))
    .map((part) => part.split(/\s+as\s+/)[0] ?? "")
    .filter((name) => name !== "");
}

function packageOf(specifier: string): string {
  if (/^(node|bun):/.test(specifier)) return specifier;
  const [scope, name] = specifier.split("/");
  return specifier.startsWith("@") ? `${scope}/${name}` : (scope ?? specifier);
}

const DECLARED =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(const|let|function\*?|class|interface|type)\s+(\w+)/gm;
const LISTED = /^export\s+(type\s+)?\{([^}]*)\}/gm;

function exportsOf(text: string): readonly ExportOf[] {
  const declared = [...text.matchAll(DECLARED)].map(([, keyword, name]) => ({
    name: name ?? "",
    isType: keyword === "interface" || keyword === "type",
  }));
  const listed = [...text.matchAll(LISTED)].flatMap(([, type, names]) =>
    (names ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map((part) => ({
        name:
          part
            .replace(/^type\s+/, "")
            .split(/\s+as\s+/)
            .at(-1) ?? "",
        isType: type !== undefined || part.startsWith("type "),
      })),
  );
  return [...declared, ...listed];
}
