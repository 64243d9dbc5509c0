import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureParts, partsNamed } from "../bench/bench.ts";
import type { BenchDrivers } from "../bench/bench-part.ts";
import { renderComparison } from "../bench/compare-runs.ts";
import { watchMachine } from "../bench/machine.ts";
import { machineText, missedOf, renderRun } from "../bench/render-report.ts";
import { mergeReports, SAVED_RUN, type SavedRun } from "../bench/report.ts";
import { measureUserStack } from "../bench/user-stack.ts";
import { buildInfo } from "../build-info.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { logger } from "../core/logger.ts";
import { SqliteJournal } from "../daemon/sqlite-journal.ts";
import { openNats } from "../nats/nats-connection.ts";
import { NATSDaemonRouter } from "../routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../routing/nats-tool-bridge.ts";
import { findServerPrograms } from "../stack/server-programs.ts";
import { openStore } from "../store/kysely/kysely-store.ts";
import type { CommandContext } from "./command-context.ts";

type Context = CommandContext & { write(text: string): Promise<void>; writeError(line: string): void };

export const BENCH_DRIVERS: BenchDrivers = {
  openStore: (url, signal) => openStore({ driver: "postgres", url, clock, announce: () => undefined, signal }),
  openNats: (url, signal) => openNats({ url, name: "reliant bench", log: logger("bench") }, signal),
  openRouter: (store, link) => new NATSDaemonRouter({ store, link, clock }),
  openJournal: (path) => SqliteJournal.open(path),
  openBridge: (deps) => new NATSToolBridge(deps),
};

/**
 * `reliant bench`: measures and prints the table. Exit code 0: all was measured, and (in a soak) nothing rose; 1 otherwise.
 * A number that is not reached is told and is no failure: the machine may be a small one.
 */
export async function runBench(settings: SettingsOf<"bench">, text: string, context: Context): Promise<number> {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const before = settings.compareFile === undefined ? undefined : await readRun(settings.compareFile);
  const saved =
    settings.server === undefined
      ? await onOwnStack(settings, names, context)
      : await onUserStack(settings, names, context);
  await context.write(`\n${renderRun(saved)}`);
  if (before !== undefined) await context.write(`\n${renderComparison(before, saved)}`);
  if (settings.jsonFile !== undefined) await Bun.write(settings.jsonFile, `${JSON.stringify(saved, null, 2)}\n`);
  const missed = missedOf(saved);
  if (missed.length > 0) context.warn(`not reached here: ${missed.join("; ")}`);
  return saved.notMeasured.length === 0 && saved.watched.every(({ rises }) => !rises) ? 0 : 1;
}

async function onOwnStack(
  settings: SettingsOf<"bench">,
  names: readonly string[],
  context: Context,
): Promise<SavedRun> {
  const parts = partsNamed(names);
  const programs = await findServerPrograms(settings);
  const executable = ownExecutable();
  const { signal } = context;
  const machine = await watchMachine(clock, signal);
  context.writeError(machineText(machine));
  const folder = await mkdtemp(join(tmpdir(), "reliant-bench-"));
  try {
    // Postgres runs as another user than root, and must reach its folder.
    await chmod(folder, 0o711);
    const tell = (line: string) => context.writeError(line);
    const world = { folder, executable, programs, drivers: BENCH_DRIVERS, clock, signal, tell };
    const { reports, notMeasured } = await measureParts(parts, { ...world, durationMs: settings.soakMs });
    return { ...heading(), machine, ...mergeReports(reports), notMeasured: [...notMeasured] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onUserStack(
  settings: SettingsOf<"bench">,
  names: readonly string[],
  context: Context,
): Promise<SavedRun> {
  if (settings.server === undefined || settings.token === undefined) {
    throw new ReliantError("usage", "measure a stack by its address: no token to show it", {
      hint: "pass one with --token or RELIANT_TOKEN (`--token -` reads it from standard input)",
    });
  }
  if (settings.benchStack !== undefined || names.length > 0) {
    throw new ReliantError("usage", "measure a stack by its address: it takes neither --stack nor parts");
  }
  const machine = await watchMachine(clock, context.signal);
  const report = await measureUserStack({
    url: settings.server,
    token: settings.token.reveal(),
    model: settings.model,
    clock,
    signal: context.signal,
  });
  return { ...heading(), machine, ...mergeReports([report]), notMeasured: [] };
}

function heading() {
  return { version: buildInfo().version, atMs: clock.now() };
}

/** Roles and peers are started from the file that runs now. */
function ownExecutable(): string {
  if (buildInfo().commit !== undefined || !Bun.main.endsWith(".ts")) return process.execPath;
  throw new ReliantError("failed_precondition", "measure from source: it takes the built executable", {
    hint: "bun run bench builds it and runs it",
  });
}

async function readRun(path: string): Promise<SavedRun> {
  try {
    return SAVED_RUN.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new ReliantError("invalid_argument", `compare with ${path}: it is not a run that --json saved`, {
      cause: new Error(messageOf(error)),
    });
  }
}
