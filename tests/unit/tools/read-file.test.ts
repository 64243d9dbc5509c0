import { describe, expect, test } from "bun:test";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../../src/core/limits.ts";
import { toolBench } from "../../support/tool-bench.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("read_file", () => {
  test("numbers the lines", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "one\ntwo\n\nfour" });
    expect(await bench.run("read_file", { path: "a.txt" })).toEqual({
      text: "     1\tone\n     2\ttwo\n     3\t\n     4\tfour",
      isError: false,
      details: { lines: 4, bytes: 13 },
    });
  });

  test("reads a part, and says how to go on", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "1\n2\n3\n4\n5\n" });
    const { text } = await bench.run("read_file", { path: "a.txt", offset: 2, limit: 2 });
    expect(text).toBe("     2\t2\n     3\t3\n[Lines 2 to 3 of 5. To go on: offset 4.]");
    const behind = await bench.run("read_file", { path: "a.txt", offset: 6 });
    expect(behind).toMatchObject({ isError: true, text: "a.txt has only 5 lines; line 6 is behind its end." });
  });

  test("shows CRLF lines without their ends", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "one\r\ntwo\r\n" });
    expect((await bench.run("read_file", { path: "a.txt" })).text).toBe("     1\tone\n     2\ttwo");
  });

  test("says that a file is empty", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "" });
    expect(await bench.run("read_file", { path: "a.txt" })).toMatchObject({ isError: false, text: "a.txt is empty." });
  });

  test("cuts long lines, and says so", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": `${"😀".repeat(50_000)}\nnext\n` });
    const { text } = await bench.run("read_file", { path: "a.txt" });
    expect(text).toContain("… [line of 200000 bytes, cut]\n     2\tnext");
    expect(text).not.toContain("UTF-8");
    expect(text.length).toBeLessThan(LIMITS.toolLineCharacters + 200);
  });

  test("stays within a result's size", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": `${"é".repeat(900)}\n`.repeat(100) });
    const { text } = await bench.run("read_file", { path: "a.txt" });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(text).toMatch(/\[Lines 1 to \d+ of 100\. To go on: offset \d+\.\]$/);
  });

  test("shows what is not UTF-8 as such, and says so", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": Buffer.from("caf\xe9\n", "latin1"), "b.txt": "fine \uFFFD\n" });
    const { text } = await bench.run("read_file", { path: "a.txt" });
    expect(text).toBe("     1\tcaf\uFFFD\n[Not all of it is UTF-8; what is not is shown as \uFFFD.]");
    expect((await bench.run("read_file", { path: "b.txt" })).text).toBe("     1\tfine \uFFFD");
  });

  test("gives an image as an image", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.png": PNG });
    const result = await bench.run("read_file", { path: "a.png" });
    expect(result.images).toEqual([{ mediaType: "image/png", data: PNG.toString("base64") }]);
    expect(result.text).toContain("a.png: image/png");
  });

  test("refuses an image that is too large", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.png": PNG });
    await truncate(join(bench.root, "a.png"), LIMITS.toolImageBytes + 1);
    const result = await bench.run("read_file", { path: "a.png" });
    expect(result).toMatchObject({ isError: true, text: expect.stringContaining("Make it smaller") });
  });

  for (const [what, content, says] of [
    ["a file with NUL", Buffer.from("a\0b"), "binary"],
    ["a PDF", Buffer.from("%PDF-1.7\n"), "a PDF"],
    ["UTF-16", Buffer.from("\uFEFFa", "utf16le"), "UTF-16"],
    ["a program", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2]), "a program"],
  ] as const) {
    test(`refuses ${what}`, async () => {
      await using bench = await toolBench();
      await bench.files({ file: content });
      const result = await bench.run("read_file", { path: "file" });
      expect(result).toMatchObject({ isError: true, text: expect.stringContaining(says) });
    });
  }

  test("refuses folders, pipes, devices and what is not there", async () => {
    await using bench = await toolBench();
    Bun.spawnSync(["mkfifo", join(bench.root, "pipe")]);
    const read = async (path: string, roots = [bench.root]) => (await bench.run("read_file", { path }, { roots })).text;
    expect(await read(".")).toContain("is a folder");
    expect(await read("gone.txt")).toContain("There is no file gone.txt");
    expect(await read("pipe")).toContain("a named pipe");
    expect(await read("/dev/zero", ["/dev"])).toContain("a device");
    expect(await read("../outside/x")).toContain("outside of the folders");
  });

  test("stops where it is aborted", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "one" });
    const result = await bench.run("read_file", { path: "a.txt" }, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ isError: true, text: "Ended after 0 bytes of a.txt." });
  });
});
