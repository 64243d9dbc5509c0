import { describe, expect, test } from "bun:test";
import {
  DRIVER_RULES,
  FOLDER_RULES,
  PACKAGE_RULES,
  PLATFORM,
  PURE_FOLDERS,
  START_ENTRIES,
  START_MODULES,
  WORKFLOW_ENTRY,
  WORKFLOW_PACKAGES,
} from "./import-rules.ts";
import { type ImportOf, readSources, type SourceFile } from "./source-files.ts";

const sources = (await readSources()).filter(({ path }) => path.startsWith("src/"));
const byPath = new Map(sources.map((source) => [source.path, source]));

/** `src/chat/message.ts` is in `chat`; `src/main.ts` is `main.ts`. */
function topOf(path: string): string {
  return path.split("/")[1] ?? path;
}

function inSrc(path: string): string {
  return path.slice("src/".length);
}

function linesThatName(source: SourceFile, what: RegExp): readonly string[] {
  return source.codeOnly
    .split("\n")
    .flatMap((line, index) => (what.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}`] : []));
}

describe("import rules", () => {
  test("there is a row for every folder and file of src, and none for what is gone", () => {
    expect(FOLDER_RULES.map(({ name }) => name).sort()).toEqual(
      [...new Set(sources.map(({ path }) => topOf(path)))].sort(),
    );
  });

  test("a row allows only what has a row itself", () => {
    const known = new Set(FOLDER_RULES.map(({ name }) => name));
    expect(FOLDER_RULES.flatMap(({ mayImport }) => mayImport.filter((name) => !known.has(name)))).toEqual([]);
  });

  for (const rule of FOLDER_RULES) {
    test(`${rule.name} imports ${rule.mayImport.join(", ") || "nothing of ours"}: ${rule.because}`, () => {
      const allowed = new Set([rule.name, ...rule.mayImport]);
      const broken = sources
        .filter(({ path }) => topOf(path) === rule.name)
        .flatMap(({ path, imports }) =>
          imports
            .filter(({ ours, target }) => ours && target.startsWith("src/") && !allowed.has(topOf(target)))
            .map(({ target }) => `${path} imports ${target}`),
        );
      expect(broken).toEqual([]);
    });
  }

  for (const rule of DRIVER_RULES) {
    test(`only its own folder and wiring import ${rule.driver}: ${rule.because}`, () => {
      const isDriver = (path: string) => path.startsWith(`src/${rule.driver}`);
      const broken = sources
        .filter(({ path }) => topOf(path) !== "wiring" && topOf(path) !== rule.driver.split("/")[0])
        .filter(({ path }) => !rule.alsoFrom.some((from) => inSrc(path).startsWith(from)))
        .flatMap(({ path, imports }) =>
          imports.filter(({ target }) => isDriver(target)).map(({ target }) => `${path} imports ${target}`),
        );
      expect(broken).toEqual([]);
      expect(sources.filter(({ path }) => isDriver(path))).not.toBeEmpty();
    });
  }

  for (const rule of PACKAGE_RULES) {
    test(`only ${rule.from.join(", ")} import ${rule.package}: ${rule.because}`, () => {
      const isIt = (name: string) =>
        rule.package.endsWith("/") ? name.startsWith(rule.package) : name === rule.package;
      const users = sources.filter(({ imports }) => imports.some(({ ours, target }) => !ours && isIt(target)));
      const strangers = users.filter(({ path }) => !rule.from.some((from) => inSrc(path).startsWith(from)));
      const idle = rule.from.filter((from) => !users.some(({ path }) => inSrc(path).startsWith(from)));
      expect({ strangers: strangers.map(({ path }) => path), idle }).toEqual({ strangers: [], idle: [] });
    });
  }
});

describe("pure code", () => {
  for (const folder of PURE_FOLDERS) {
    test(`${folder}/ uses no module of the platform and none of its globals`, () => {
      const files = sources.filter(({ path }) => topOf(path) === folder);
      const modules = files.flatMap(({ path, imports }) =>
        imports.filter(({ ours }) => !ours).map(({ target }) => `${path} imports ${target}`),
      );
      expect([...modules, ...files.flatMap((file) => linesThatName(file, PLATFORM))]).toEqual([]);
      expect(files).not.toBeEmpty();
    });
  }

  test("what the workflow bundle reaches uses only Temporal's packages for workflows, and no global of the platform", () => {
    const reached = valueClosure(WORKFLOW_ENTRY);
    const packages = reached.flatMap(({ path, imports }) =>
      imports
        .filter(({ ours, typeOnly, target }) => !ours && !typeOnly && !WORKFLOW_PACKAGES.includes(target))
        .map(({ target }) => `${path} imports ${target}`),
    );
    expect([...packages, ...reached.flatMap((file) => linesThatName(file, PLATFORM))]).toEqual([]);
    expect(reached.map(({ path }) => path)).toContain("src/chat/agent-loop.ts");
  });

  test("the workflow sees activities as types only", () => {
    const values = valueClosure(WORKFLOW_ENTRY).filter(({ path }) => path.startsWith("src/activities/"));
    expect(values).toEqual([]);
  });
});

test("what every command loads before its own code is little: its start is part of each call", () => {
  const atOnce = ({ typeOnly, later }: ImportOf) => !typeOnly && !later;
  const reached = START_ENTRIES.flatMap((entry) => closure(entry, atOnce));
  const modules = reached.flatMap(({ imports }) => imports.filter((each) => !each.ours && atOnce(each)));
  expect([...new Set(modules.map(({ target }) => target))].sort()).toEqual([...START_MODULES]);
});

/** The file and all that it imports by more than a type, however far. */
function valueClosure(entry: string): readonly SourceFile[] {
  return closure(entry, ({ typeOnly }) => !typeOnly);
}

/** The file and all of ours that it imports in such a way, however far. */
function closure(entry: string, follows: (each: ImportOf) => boolean): readonly SourceFile[] {
  const reached = new Map<string, SourceFile>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const source = byPath.get(path);
    if (source === undefined || reached.has(path)) continue;
    reached.set(path, source);
    waiting.push(...source.imports.filter((each) => each.ours && follows(each)).map(({ target }) => target));
  }
  return [...reached.values()];
}
