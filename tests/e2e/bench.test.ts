import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { SAVED_RUN } from "../../src/bench/report.ts";
import { readLocalServerFile } from "../../src/client/local-server-file.ts";
import { runExecutable } from "../support/executable.ts";
import { startMonolith } from "../support/monolith.ts";
import { programFlags } from "../support/program-flags.ts";
import { tempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(180_000);
const RUN_MS = 120_000;
/** Two parts on servers of their own, on a machine that is busy with other tests. */
const PARTS_MS = 300_000;

test("reliant bench measures a stack by its address as a client, saves the run, and compares another with it", async () => {
  await using monolith = await startMonolith({ flags: [] });
  const { token } = await readLocalServerFile(monolith.dataDir);
  const file = join(monolith.folder, "run.json");
  const bench = (...flags: readonly string[]) =>
    runExecutable({
      args: ["bench", "--server", monolith.url, "--token", "-", ...flags],
      ...{ stdin: token, timeoutMs: RUN_MS },
    });
  const first = await bench("--json", file);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toContain("only what a client can measure");
  expect(first.stdout).toContain("no message was sent");
  const saved = SAVED_RUN.parse(await Bun.file(file).json());
  expect(saved.figures.map(({ id }) => id)).toEqual([
    "user.request_p50_ms",
    "user.request_p99_ms",
    "user.stream_open_p50_ms",
    "user.stream_open_p99_ms",
    "user.heard_p50_ms",
    "user.heard_p99_ms",
  ]);
  for (const { value } of saved.figures) expect(value).toBeGreaterThan(0);

  const second = await bench("--compare", file);
  expect(second).toMatchObject({ code: 0 });
  expect(second.stdout).toMatch(
    /a request \(list one chat\), 4 at once, p50 +\| [\d.]+ ms +\| [\d.]+ ms +\| [+-]?[\d.]+ %/,
  );
});

test(
  "reliant bench measures parts on servers that it starts itself, beside their raw parts, and compares a later run",
  async () => {
    await using folder = await tempFolder("bench");
    const file = join(folder.path, "run.json");
    const flags = ["--stack", "local", ...(await programFlags(folder.path))];
    const first = await runExecutable({
      args: ["bench", "tool-call", "turns", ...flags, "--json", file],
      timeoutMs: PARTS_MS,
    });
    expect(first, first.stderr).toMatchObject({ code: 0 });
    const saved = SAVED_RUN.parse(await Bun.file(file).json());
    expect(saved.notMeasured).toEqual([]);
    const figureOf = (id: string) => saved.figures.find((figure) => figure.id === id)?.value ?? Number.NaN;
    const call = saved.figures.find(({ id }) => id === "tool_call.p50_ms");
    expect(call?.raw?.value).toBeGreaterThan(0);
    // A call is made of its raw parts and more, and is told as their multiple.
    expect(figureOf("tool_call.p50_ratio")).toBeGreaterThan(1);
    expect(figureOf("tool_call.p50_ratio")).toBeCloseTo((call?.value ?? 0) / (call?.raw?.value ?? 1), 6);
    expect(figureOf("tool_call.p99_ms")).toBeGreaterThanOrEqual(call?.value ?? Number.POSITIVE_INFINITY);
    expect(saved.rawParts).toHaveLength(5);
    const [growth] = saved.growths;
    expect(growth?.id).toBe("tool_call.ledger_growth");
    expect(growth?.points.map(({ size }) => size)).toEqual([1_000, 10_000, 100_000]);
    // A run with one tool call: two calls of the model and the tool's; tests/contract/workflow-queries holds the rest.
    expect(figureOf("turns.activities")).toBe(3);
    expect(figureOf("turns.worker_statements")).toBeGreaterThan(0);
    expect(first.stdout).toMatch(
      /tool call \(read_file, one caller\), p50 against its raw parts +\| [\d.]+ × +\| ≤ 2 ×/,
    );

    const second = await runExecutable({ args: ["bench", "turns", ...flags, "--compare", file], timeoutMs: PARTS_MS });
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(second.stdout).toMatch(/the same: activities +\| 3 +\| 3 +\| 0 %/);
    expect(second.stdout).toMatch(/tool call \(read_file, one caller\), p99 +\| [\d.]+ ms +\| +\| not measured/);
  },
  2 * PARTS_MS,
);

test("reliant bench refuses what it cannot do before it starts anything", async () => {
  expect(await runExecutable({ args: ["bench", "speed"] })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("measure speed: there is no such part"),
  });
  expect(await runExecutable({ args: ["bench", "--server", "http://127.0.0.1:1"] })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no token to show it"),
  });
  expect(await runExecutable({ args: ["bench", "--compare", import.meta.path] })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("it is not a run that --json saved"),
  });
});
