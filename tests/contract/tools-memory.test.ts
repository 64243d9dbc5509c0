import { describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { toolBench } from "../support/tool-bench.ts";

/** Apart from the unit tests: large files take their time. */
describe("read_file", () => {
  test("reads a line far into a large file without holding it", async () => {
    await using bench = await toolBench();
    await bench.run("shell", { command: "seq 1 20000000 > big.txt" });
    const before = process.memoryUsage().rss;
    const { text } = await bench.run("read_file", { path: "big.txt", offset: 15_000_000, limit: 1 });
    expect(text).toBe("15000000\t15000000\n[Lines 15000000 to 15000000 of 20000000. To go on: offset 15000001.]");
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(80);
  }, 30_000);
});

describe("shell", () => {
  test("holds little memory however much comes", async () => {
    await using bench = await toolBench();
    const before = process.memoryUsage().rss;
    let peak = before;
    const watching = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const result = await bench.run("shell", { command: "head -c 300000000 /dev/zero" }, { output: () => {} });
    clearInterval(watching);
    expect(result.details).toMatchObject({ stdoutBytes: 300_000_000 });
    expect((await stat(bench.outputFile)).size).toBe(300_000_000);
    expect(result.text).not.toContain("\0");
    expect((peak - before) / 1e6).toBeLessThan(100);
  }, 60_000);
});
