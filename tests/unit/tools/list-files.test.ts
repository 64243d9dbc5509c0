import { describe, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../../src/core/limits.ts";
import { toolBench } from "../../support/tool-bench.ts";

const PROJECT = {
  ".gitignore": "*.log\n/dist\nnode_modules/\n",
  ".git/HEAD": "ref",
  "README.md": "x",
  "dist/out.js": "x",
  "src/a.ts": "x",
  "src/deep/b.ts": "x",
  "src/deep/.gitignore": "!keep.log\nprivate\n",
  "src/deep/keep.log": "x",
  "src/deep/lose.log": "x",
  "src/deep/private": "x",
  "src/dist/kept.ts": "x",
  "src/node_modules/m.js": "x",
};

async function listed(input: Readonly<Record<string, unknown>>, files: Readonly<Record<string, string>> = PROJECT) {
  await using bench = await toolBench();
  await bench.files(files);
  return (await bench.run("list_files", input)).text.split("\n");
}

describe("list_files", () => {
  test("lists what git would keep, folders first named, then their files", async () => {
    expect(await listed({})).toEqual([
      ".gitignore",
      "README.md",
      "src/",
      "src/a.ts",
      "src/deep/",
      "src/deep/.gitignore",
      "src/deep/b.ts",
      "src/deep/keep.log",
      "src/dist/",
      "src/dist/kept.ts",
    ]);
  });

  test("keeps to the rules of the folders above the one that is listed", async () => {
    expect(await listed({ path: "src/deep" })).toEqual([".gitignore", "b.ts", "keep.log"]);
  });

  test("shows what is ignored when it is told to", async () => {
    const names = await listed({ include_ignored: true });
    expect(names).toContain("dist/out.js");
    expect(names).toContain("src/deep/lose.log");
    expect(names).toContain(".git/HEAD");
  });

  test("takes globs with and without folders", async () => {
    expect(await listed({ glob: "*.ts" })).toEqual(["src/a.ts", "src/deep/b.ts", "src/dist/kept.ts"]);
    expect(await listed({ glob: "src/*.ts" })).toEqual(["src/a.ts"]);
    expect(await listed({ glob: "**/deep/**" })).toEqual(["src/deep/.gitignore", "src/deep/b.ts", "src/deep/keep.log"]);
    expect(await listed({ glob: "*.{md,log}" })).toEqual(["README.md", "src/deep/keep.log"]);
    expect(await listed({ glob: "*.py" })).toEqual(["(nothing fits *.py)"]);
  });

  test("goes as deep as it is told", async () => {
    expect(await listed({ depth: 1 })).toEqual([".gitignore", "README.md", "src/"]);
    expect(await listed({ depth: 2, glob: "*.ts" })).toEqual(["src/a.ts"]);
  });

  test("names links and does not follow them", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "x" });
    await symlink("..", join(bench.root, "up"));
    expect((await bench.run("list_files", {})).text).toBe("a.txt\nup@");
  });

  test("counts what it does not show", async () => {
    await using bench = await toolBench();
    await bench.run("shell", { command: "for i in $(seq 1 1234); do : > f$i; done" });
    const lines = (await bench.run("list_files", {})).text.split("\n");
    expect(lines).toHaveLength(LIMITS.toolListEntries + 1);
    expect(lines.at(-1)).toBe("[234 more are not shown: narrow it by path, glob or depth.]");
  });

  test("says what is no folder", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "x" });
    const text = async (path: string) => (await bench.run("list_files", { path })).text;
    expect(await text("a.txt")).toBe("a.txt is not a folder.");
    expect(await text("gone")).toBe("There is no folder gone.");
    expect(await text("..")).toContain("outside of the folders");
    expect((await bench.run("list_files", { path: "." }, { signal: AbortSignal.abort() })).text).toContain(
      "Ended before",
    );
  });

  test("says that a folder is empty", async () => {
    expect(await listed({}, {})).toEqual(["(nothing)"]);
  });
});
