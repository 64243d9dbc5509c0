import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { SAVED_RUN } from "../../src/bench/report.ts";
import { readLocalServerFile } from "../../src/client/local-server-file.ts";
import { runExecutable, startRole } from "../support/executable.ts";
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
  expect(first.stderr).toContain("update streams: by http");

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
    const p99 = saved.figures.find(({ id }) => id === "tool_call.p99_ms");
    expect(p99).toMatchObject({ goal: { atMost: 25 }, reached: (p99?.value ?? 0) <= 25 });
    expect(p99?.raw?.value).toBeGreaterThan(call?.raw?.value ?? Number.POSITIVE_INFINITY);
    expect(first.stderr).toContain("tool-call: one tool call from the worker's router");
    expect(first.stdout).toContain("not of this bench, but of `npm run test:faults`: a dead peer noticed");
    const [growth] = saved.growths;
    expect(growth?.id).toBe("tool_call.ledger_growth");
    expect(growth?.points.map(({ size }) => size)).toEqual([1_000, 10_000, 100_000]);
    // A run with one tool call: two calls of the model and the tool's; tests/contract/workflow-queries holds the rest.
    expect(figureOf("turns.activities")).toBe(3);
    expect(figureOf("turns.worker_statements")).toBeGreaterThan(0);
    expect(first.stdout).toMatch(
      /tool call \(read_file, one caller\), p50 against its raw parts +\| [\d.]+ × +\| ≤ 2 ×/,
    );

    // A variable names the server of every day: --stack local beats it.
    const second = await runExecutable({
      ...{ args: ["bench", "turns", ...flags, "--compare", file], timeoutMs: PARTS_MS },
      env: { RELIANT_SERVER: "http://127.0.0.1:1" },
    });
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(second.stdout).toMatch(/the same: activities +\| 3 +\| 3 +\| 0 %/);
    expect(second.stdout).toMatch(/tool call \(read_file, one caller\), p99 +\| [\d.]+ ms +\| +\| not measured/);
  },
  2 * PARTS_MS,
);

test.each<[string, readonly string[], number, readonly string[]]>([
  ["a part that is not there", ["speed"], 2, ["measure speed: there is no such part"]],
  ["an address without a token", ["--server", "http://127.0.0.1:1"], 2, ["no token to show it"]],
  ["a file to compare with that is no run", ["--compare", import.meta.path], 2, ["it is not a run that --json saved"]],
  ["a file to save in that cannot be written", ["turns", "--json", "/gone/run.json"], 2, ["write /gone/run.json"]],
  ["--duration without the soak", ["turns", "--duration", "2m"], 2, ["--duration: only the part soak takes it"]],
  [
    "--duration by address",
    ["--server", "http://127.0.0.1:1", "--token", "-", "--duration", "2m"],
    2,
    ["--duration: only the part soak takes it"],
  ],
  [
    "parts by address",
    ["turns", "--server", "http://127.0.0.1:1", "--token", "-"],
    2,
    ["measure turns by the address http://127.0.0.1:1", "requests, update streams", "--stack local"],
  ],
  [
    "an address and a stack of its own",
    ["--server", "http://127.0.0.1:1", "--stack", "local"],
    2,
    ["--stack starts a stack of its own: leave --server out"],
  ],
  [
    "a server that is not there",
    ["--server", "http://127.0.0.1:1", "--token", "-"],
    1,
    ["measure http://127.0.0.1:1: ", "is a server running at http://127.0.0.1:1?"],
  ],
])("reliant bench refuses %s before it measures anything", async (_, args, code, texts) => {
  const run = await runExecutable({ args: ["bench", ...args], stdin: "rlnt_pat_none" });
  expect(run.code, run.stderr).toBe(code);
  for (const text of texts) expect(run.stderr).toContain(text);
  expect(run.stderr).not.toContain("unexpected error");
});

test("reliant bench by address says what is wrong with a token or a path", async () => {
  await using monolith = await startMonolith({ flags: [] });
  const { token } = await readLocalServerFile(monolith.dataDir);
  const bench = (url: string, stdin: string) =>
    runExecutable({ args: ["bench", "--server", url, "--token", "-"], stdin, timeoutMs: RUN_MS });
  const wrongToken = await bench(monolith.url, "rlnt_pat_none");
  expect(wrongToken.code, wrongToken.stderr).toBe(4);
  expect(wrongToken.stderr).toContain(`measure ${monolith.url}: `);
  expect(wrongToken.stderr).toContain("pass a token that is in force");
  const wrongPath = await bench(`${monolith.url}/somewhere`, token);
  expect(wrongPath.code, wrongPath.stderr).toBe(1);
  expect(wrongPath.stderr).toContain(`measure ${monolith.url}/somewhere: `);
  expect(wrongPath.stderr).toContain("without a path");
});

test(
  "reliant bench that is ended by Ctrl-C tells and saves the parts that it has measured",
  async () => {
    await using folder = await tempFolder("bench-ended");
    const file = join(folder.path, "run.json");
    const flags = ["--stack", "local", ...(await programFlags(folder.path)), "--json", file];
    const bench = await startRole({ args: ["bench", "turns", "api", ...flags] });
    await bench.awaitOutput(/^api: 5,000/m, PARTS_MS);
    process.kill(bench.pid, "SIGINT");
    expect(await bench.awaitExit(RUN_MS), bench.newestOutput()).toMatchObject({ code: 130 });
    expect(bench.stdout).toContain("not measured: api: the bench was ended before");
    const saved = SAVED_RUN.parse(await Bun.file(file).json());
    expect(saved.figures.map(({ id }) => id)).toContain("turns.activities");
    expect(saved.notMeasured.map(({ part }) => part)).toEqual(["api"]);
  },
  2 * PARTS_MS,
);
