import { expect, test } from "bun:test";
import { ENTRIES, TEST_ONLY_EXPORTS } from "./dead-code.ts";
import { readSources, type SourceFile } from "./source-files.ts";

const sources = await readSources();
const byPath = new Map(sources.map((source) => [source.path, source]));
const own = sources.filter(({ path }) => path.startsWith("src/") && !path.startsWith("src/gen/"));

/** For each export as `path#name`: the files that take it. `path#*`: those that take everything. */
const takers = new Map<string, string[]>();
for (const { path, imports } of sources) {
  for (const { target, names } of imports.filter(({ ours }) => ours)) {
    for (const name of names) takers.set(`${target}#${name}`, [...(takers.get(`${target}#${name}`) ?? []), path]);
  }
}

function takersOf(path: string, name: string): readonly string[] {
  return [...(takers.get(`${path}#${name}`) ?? []), ...(takers.get(`${path}#*`) ?? [])];
}

/** A type that names a part of an exported signature of its own file is not dead: readers look it up. */
function isPartOfOwnFile(source: SourceFile, name: string): boolean {
  return source.codeOnly.split(new RegExp(`\\b${name}\\b`)).length > 2;
}

function deadExports(counts: (taker: string) => boolean): readonly string[] {
  return own.flatMap((source) =>
    source.exports
      .filter(({ name, isType }) => !(isType && isPartOfOwnFile(source, name)))
      .filter(({ name }) => !takersOf(source.path, name).some((taker) => taker !== source.path && counts(taker)))
      .map(({ name }) => `${source.path}#${name}`),
  );
}

test("every file of src is reached from an entry, the build script or a test", () => {
  const reached = new Set<string>();
  const waiting = [
    ...ENTRIES.map(({ path }) => path),
    ...sources.filter(({ path }) => path.startsWith("tests/") || path === "build.ts").map(({ path }) => path),
  ];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    waiting.push(...(byPath.get(path)?.imports ?? []).filter(({ ours }) => ours).map(({ target }) => target));
  }
  expect(own.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});

test("every entry is there", () => {
  expect(ENTRIES.filter(({ path }) => !byPath.has(path))).toEqual([]);
});

test("every export is used by another file", () => {
  const entries = new Set(ENTRIES.map(({ path }) => path));
  expect(deadExports(() => true).filter((name) => !entries.has(name.split("#")[0] ?? ""))).toEqual([]);
});

test("what only tests use is listed with its reason, and nothing else is", () => {
  const entries = new Set(ENTRIES.map(({ path }) => path));
  const unused = new Set(deadExports(() => true));
  const onlyTests = deadExports((taker) => !taker.startsWith("tests/"))
    .filter((name) => !unused.has(name))
    .filter((name) => !entries.has(name.split("#")[0] ?? ""));
  expect([...onlyTests].sort()).toEqual(TEST_ONLY_EXPORTS.map(({ path, name }) => `${path}#${name}`).sort());
});
