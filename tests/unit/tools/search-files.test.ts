import { describe, expect, test } from "bun:test";
import { chmod, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { regexCost } from "../../../src/tools/regex-safety.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { toolBench } from "../../support/tool-bench.ts";

const PROJECT = {
  ".gitignore": "ignored.txt\n",
  ".git/config": "needle",
  "a.txt": "one\nNeedle here\nthree\nfour\nneedle there\n",
  "ignored.txt": "needle",
  "src/b.ts": "const x = 1; // needle(1)\r\n",
  "src/c.md": "no\n",
  "src/bin": Buffer.from("needle\0"),
};

async function searched(input: Readonly<Record<string, unknown>>) {
  await using bench = await toolBench();
  await bench.files(PROJECT);
  return await bench.run("search_files", input);
}

describe("search_files", () => {
  test("gives matching lines, file by file, without what is ignored or binary", async () => {
    expect(await searched({ pattern: "needle" })).toEqual({
      isError: false,
      text: "2 matching lines in 2 files.\na.txt:\n     5: needle there\nsrc/b.ts:\n     1: const x = 1; // needle(1)",
    });
  });

  test("takes globs, a folder, a file, and no case", async () => {
    expect((await searched({ pattern: "needle", glob: "*.ts" })).text).toStartWith(
      "1 matching line in 1 file.\nsrc/b.ts:",
    );
    expect((await searched({ pattern: "needle", path: "src" })).text).toContain("\nb.ts:\n");
    expect((await searched({ pattern: "NEEDLE", path: "a.txt", ignore_case: true })).text).toStartWith(
      "2 matching lines",
    );
    expect((await searched({ pattern: "needle\\(\\d\\)" })).text).toStartWith("1 matching line");
    expect((await searched({ pattern: "needle", include_ignored: true })).text).toContain("ignored.txt:");
  });

  test("shows lines around matches, each once", async () => {
    const { text } = await searched({ pattern: "needle|four", path: "a.txt", context: 1 });
    expect(text).toBe("2 matching lines in 1 file.\na.txt:\n     3- three\n     4: four\n     5: needle there");
    const apart = await searched({ pattern: "one|there", path: "a.txt", context: 1 });
    expect(apart.text).toBe(
      "2 matching lines in 1 file.\na.txt:\n     1: one\n     2- Needle here\n      …\n     4- four\n     5: needle there",
    );
  });

  test("says that nothing matches", async () => {
    expect(await searched({ pattern: "zzz" })).toEqual({ isError: false, text: "No line matches." });
  });

  test("gives as many matches as it is asked for, and says that there are more", async () => {
    const { text } = await searched({ pattern: "e", max_results: 2 });
    expect(text).toStartWith("2 matching lines in");
    expect(text).toContain("[There are more: narrow the search");
  });

  test("stays within a result's size", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": `${"é".repeat(5000)}\n`.repeat(1000) });
    const { text } = await bench.run("search_files", { pattern: "é", max_results: 1000 });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(text).toContain("There are more");
  });

  test("says what is wrong with a pattern", async () => {
    for (const pattern of ["(", "[a", "a{2,1}"]) {
      const result = await searched({ pattern });
      expect(result).toMatchObject({ isError: true, text: expect.stringContaining("not a regular expression") });
    }
  });

  test("refuses a pattern that could take for ever", async () => {
    const result = await searched({ pattern: "(\\w+)+$" });
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("take for ever") });
  });

  test("ends at a line that a pattern is too slow for", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": `${"a".repeat(2000)}\nlater\n` });
    // However quick this machine is: by this clock each look at a line takes as long as one may.
    let looks = 0;
    const stamp = () => ({ wallMs: 0, monotonicMs: looks++ * (LIMITS.toolSearchLineMs + 1) });
    const slow = { ...systemClock, stamp };
    const begun = performance.now();
    const { text } = await bench.run("search_files", { pattern: "a*a*a*a*b" }, { clock: slow });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(text).toContain("Ended at a.txt:1: this pattern is too slow");
    expect(text).toContain("1 line searched in the first 143 characters only");
  });

  test("counts what it could not search", async () => {
    await using bench = await toolBench();
    await bench.files({ "big.txt": "needle" });
    await truncate(join(bench.root, "big.txt"), LIMITS.toolSearchFileBytes + 1);
    expect((await bench.run("search_files", { pattern: "needle" })).text).toContain("[1 file of more than");
  });

  test("does not leave the project, nor read what never ends", async () => {
    await using bench = await toolBench();
    await Bun.write(join(bench.outside, "secret.txt"), "needle");
    await symlink(bench.outside, join(bench.root, "way-out"));
    await symlink(join(bench.outside, "secret.txt"), join(bench.root, "file-out"));
    Bun.spawnSync(["mkfifo", join(bench.root, "pipe")]);
    expect((await bench.run("search_files", { pattern: "needle" })).text).toBe("No line matches.");
    const text = async (path: string) => (await bench.run("search_files", { pattern: "needle", path })).text;
    expect(await text("way-out")).toContain("outside of the folders");
    expect(await text("pipe")).toContain("not a regular file");
    expect(await text("gone")).toContain("There is no file or folder gone");
  });
});

/** A program in ripgrep's place that says what it is told, and how it was called. */
async function fakeRipgrep(script: string) {
  const folder = await tempFolder("rg");
  const program = join(folder.path, "rg");
  await Bun.write(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder.path}/arguments\n${script}\n`);
  await chmod(program, 0o755);
  const calledWith = async () => (await Bun.file(join(folder.path, "arguments")).text()).trim().split("\n");
  return { program, calledWith, [Symbol.asyncDispose]: folder.remove };
}

describe("search_files with ripgrep", () => {
  test("reads what ripgrep prints", async () => {
    await using rg = await fakeRipgrep(
      `printf './a-1.txt\\0003-before: 2:x\\n./a-1.txt\\0004:the needle\\n--\\n./src/b.ts\\00012:needle\\n./src/c.md\\0001:needle\\n'`,
    );
    await using bench = await toolBench({ ripgrep: () => rg.program });
    const input = { pattern: "-needle", glob: "*.{ts,txt}", context: 1, ignore_case: true };
    expect((await bench.run("search_files", input)).text).toBe(
      "2 matching lines in 2 files.\na-1.txt:\n     3- before: 2:x\n     4: the needle\nsrc/b.ts:\n    12: needle",
    );
    const given = await rg.calledWith();
    expect(given.slice(-4)).toEqual(["--regexp", "-needle", "--", "./"]);
    expect(given).toContain("--no-config");
    expect(given).toContain("--ignore-case");
  });

  test("ends ripgrep when enough was found", async () => {
    await using rg = await fakeRipgrep("while :; do printf './a\\0001:x\\n'; done");
    await using bench = await toolBench({ ripgrep: () => rg.program });
    const { text } = await bench.run("search_files", { pattern: "x", max_results: 3 });
    expect(text).toStartWith("3 matching lines in 1 file.");
    expect(text).toContain("There are more");
  });

  test("ends ripgrep when it is aborted", async () => {
    await using rg = await fakeRipgrep("sleep 300");
    await using bench = await toolBench({ ripgrep: () => rg.program });
    const cancel = new AbortController();
    const running = bench.run("search_files", { pattern: "x" }, { signal: cancel.signal });
    setTimeout(() => cancel.abort(), 50);
    expect((await running).text).toContain("Ended before all was searched");
  });

  test("says what ripgrep says about a pattern, and about what it could not read", async () => {
    await using bad = await fakeRipgrep("echo 'regex parse error: unclosed group' >&2; exit 2");
    await using bench = await toolBench({ ripgrep: () => bad.program });
    const refused = await bench.run("search_files", { pattern: "(" });
    expect(refused).toMatchObject({ isError: true, text: expect.stringContaining("unclosed group") });

    await using partial = await fakeRipgrep("printf './a\\0001:x\\n'; echo './b: Permission denied' >&2; exit 2");
    await using other = await toolBench({ ripgrep: () => partial.program });
    const { text } = await other.run("search_files", { pattern: "x" });
    expect(text).toContain("     1: x\n[Not all was searched: ./b: Permission denied]");
  });

  test("says that ripgrep cannot be run", async () => {
    await using bench = await toolBench({ ripgrep: () => "/nowhere/rg" });
    const result = await bench.run("search_files", { pattern: "x" });
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("could not be run") });
  });
});

describe("a regular expression that could take for ever", () => {
  for (const pattern of [
    "(a+)+",
    "(a*)*b",
    "(?:\\w+\\s?)*$",
    "(a|a)+",
    "(ab|a.)*c",
    "((x+)y)+",
    "(.|\\s)*",
    "(a{1,9})+",
    "([a-z]+){10}",
  ]) {
    test(`is ${pattern}`, () => {
      expect(regexCost(pattern).kind).toBe("endless");
    });
  }
  for (const pattern of [
    "a+b+",
    "(foo|bar)+",
    "(abc)*",
    "[(+*]+",
    "\\(a+\\)+",
    "(a+)?",
    "(a+)(b+)",
    "function\\s+\\w+\\(",
    "(?<=x)y+",
    "(a+){2}",
  ]) {
    test(`is not ${pattern}`, () => {
      expect(regexCost(pattern).kind).toBe("bounded");
    });
  }
});
