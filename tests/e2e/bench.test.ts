import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { SAVED_RUN } from "../../src/bench/report.ts";
import { readLocalServerFile } from "../../src/client/local-server-file.ts";
import { runExecutable } from "../support/executable.ts";
import { startMonolith } from "../support/monolith.ts";

setDefaultTimeout(180_000);
const RUN_MS = 120_000;

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
