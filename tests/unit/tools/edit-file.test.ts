import { describe, expect, test } from "bun:test";
import { chmod, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../../src/core/limits.ts";
import { nearMisses } from "../../../src/tools/near-miss.ts";
import { toolBench } from "../../support/tool-bench.ts";

const CODE = "function add(a, b) {\n  return a + b;\n}\n\nfunction sub(a, b) {\n  return a - b;\n}\n";

describe("edit_file", () => {
  test("changes one place, keeps the mode, and shows what is there now", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    await chmod(join(bench.root, "a.js"), 0o700);
    const result = await bench.run("edit_file", { path: "a.js", old_string: "a - b", new_string: "a - b - $& - $1" });
    expect(result).toEqual({
      isError: false,
      text: "Changed 1 place in a.js.\n     4\t\n     5\tfunction sub(a, b) {\n     6\t  return a - b - $& - $1;\n     7\t}\n     8\t",
    });
    expect(await bench.read("a.js")).toBe(CODE.replace("a - b", () => "a - b - $& - $1"));
    expect((await stat(join(bench.root, "a.js"))).mode & 0o777).toBe(0o700);
    expect(await readdir(bench.root)).toEqual(["a.js"]);
  });

  test("refuses a text that is there more than once, and names the lines", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    const result = await bench.run("edit_file", { path: "a.js", old_string: "  return a", new_string: "x" });
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("2 times, in lines 2, 6.") });
    expect(await bench.read("a.js")).toBe(CODE);
  });

  test("changes all places when it is told to", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    const input = { path: "a.js", old_string: "return", new_string: "yield\n ", replace_all: true };
    expect((await bench.run("edit_file", input)).text).toStartWith("Changed 2 places in a.js.");
    expect(await bench.read("a.js")).toBe(CODE.replaceAll("return", "yield\n "));
  });

  test("finds LF in a file with CRLF, and keeps CRLF", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE.replaceAll("\n", "\r\n") });
    const input = {
      path: "a.js",
      old_string: "add(a, b) {\n  return a + b;",
      new_string: "add(a, b) {\n  // sum\n  return a + b;",
    };
    expect((await bench.run("edit_file", input)).isError).toBe(false);
    expect(await bench.read("a.js")).toBe(CODE.replace("{\n", "{\n  // sum\n").replaceAll("\n", "\r\n"));
  });

  test("puts CRLF into a CRLF file where one line becomes several", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "one\r\ntwo\r\n" });
    await bench.run("edit_file", { path: "a.txt", old_string: "two", new_string: "2\n3" });
    expect(await bench.read("a.txt")).toBe("one\r\n2\r\n3\r\n");
  });

  test("changes a file with both line ends as it is written first", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "one\ntwo\r\nthree\r\n" });
    await bench.run("edit_file", { path: "a.txt", old_string: "one\ntwo", new_string: "1\n2" });
    await bench.run("edit_file", { path: "a.txt", old_string: "2\nthree", new_string: "2\n3" });
    expect(await bench.read("a.txt")).toBe("1\n2\r\n3\r\n");
  });

  test("keeps a byte order mark", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "\uFEFFone" });
    await bench.run("edit_file", { path: "a.txt", old_string: "one", new_string: "two" });
    expect(Buffer.from(await Bun.file(join(bench.root, "a.txt")).arrayBuffer()).toString("hex")).toBe("efbbbf74776f");
  });

  test("shows where only blanks differ", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    const result = await bench.run("edit_file", {
      path: "a.js",
      old_string: "function sub(a, b) {\n    return a  - b;\n}",
      new_string: "x",
    });
    expect(result.isError).toBe(true);
    expect(result.text).toBe(
      "old_string is not in a.js; only blanks differ here:\n     5\tfunction sub(a, b) {\n     6\t  return a - b;\n     7\t}",
    );
  });

  test("shows what is most alike", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    const result = await bench.run("edit_file", { path: "a.js", old_string: "  return a / b;", new_string: "x" });
    expect(result.text).toContain("most alike is:\n     2\t  return a + b;\n   …\n     6\t  return a - b;");
  });

  test("says that nothing is alike", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE });
    const result = await bench.run("edit_file", { path: "a.js", old_string: "QQQQ", new_string: "x" });
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("nor anything like it") });
  });

  test("refuses what cannot be meant", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.js": CODE, "latin1.txt": Buffer.from("caf\xe9", "latin1"), "big.txt": "x" });
    await truncate(join(bench.root, "big.txt"), LIMITS.toolEditFileBytes + 1);
    const edit = async (path: string, old_string: string, new_string: string) => {
      const result = await bench.run("edit_file", { path, old_string, new_string });
      expect(result.isError).toBe(true);
      return result.text;
    };
    expect(await edit("a.js", "", "x")).toContain("old_string is empty");
    expect(await edit("a.js", "x", "x")).toContain("nothing to change");
    expect(await edit("gone.js", "x", "y")).toContain("write_file");
    expect(await edit(".", "x", "y")).toContain("is a folder");
    expect(await edit("../outside/a", "x", "y")).toContain("outside of the folders");
    expect(await edit("latin1.txt", "caf", "y")).toContain("not UTF-8");
    expect(await edit("big.txt", "x", "y")).toContain("can be edited");
  });
});

describe("near misses", () => {
  test("are none for blanks", () => {
    expect(nearMisses("a\nb", " \n ")).toEqual([]);
  });

  test("are found in a long file in reasonable time", () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `const value${index} = compute(${index});`).join("\n");
    const begun = performance.now();
    expect(nearMisses(text, "const value77 = compute(78);")[0]?.lines).toEqual(["const value77 = compute(77);"]);
    // Each line against each other one would take minutes.
    expect(performance.now() - begun).toBeLessThan(20_000);
  }, 30_000);
});
