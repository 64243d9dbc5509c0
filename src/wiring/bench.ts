import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureParts, type PartsOutcome, partsNamed } from "../bench/bench.ts";
import type { BenchDrivers, BenchPart } from "../bench/bench-part.ts";
import { renderComparison } from "../bench/compare-runs.ts";
import { MEASURED_ELSEWHERE } from "../bench/goals.ts";
import { watchMachine } from "../bench/machine.ts";
import { machineText, missedOf, renderRun } from "../bench/render-report.ts";
import { exitCodeOf, type MachineFacts, mergeReports, SAVED_RUN, type SavedRun } from "../bench/report.ts";
import { SHORT_SOAK_MS } from "../bench/soak.ts";
import { measureUserStack } from "../bench/user-stack.ts";
import { buildInfo } from "../build-info.ts";
import { fromServer } from "../client/api-client.ts";
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
import { openReport } from "./open-report.ts";

type Settings = SettingsOf<"bench">;
type Context = CommandContext & { write(text: string): Promise<void>; writeError(line: string): void };

export const BENCH_DRIVERS: BenchDrivers = {
  openStore: (url, signal) => openStore({ driver: "postgres", url, clock, announce: () => undefined, signal }),
  openNats: (url, signal) => openNats({ url, name: "reliant bench", log: logger("bench") }, signal),
  openRouter: (store, link) => new NATSDaemonRouter({ store, link, clock }),
  openJournal: (path) => SqliteJournal.open(path),
  openBridge: (deps) => new NATSToolBridge(deps),
};

/**
 * `reliant bench`: measures and prints the table. Exit code 0: all was measured, and (in a soak) nothing rose; 1 otherwise;
 * 130: the user has ended it, and what was measured until then is printed and saved. A number that is not reached is told
 * and is no failure: the machine may be a small one.
 */
export async function runBench(settings: Settings, text: string, context: Context): Promise<number> {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const measure = chosenStack(settings, names, context);
  const before = settings.compareFile === undefined ? undefined : await readRun(settings.compareFile);
  const report = settings.jsonFile === undefined ? undefined : await openReport(settings.jsonFile);
  const onEnd = () => context.warn("ending: what was measured until now is told (once more: leave at once)");
  context.signal.addEventListener("abort", onEnd, { once: true });
  try {
    const saved = await measure();
    if (saved.figures.length === 0) context.signal.throwIfAborted();
    await report?.write(saved);
    await context.write(`\n${renderRun(saved)}`);
    if (before !== undefined) await context.write(`\n${renderComparison(before, saved)}`);
    const missed = missedOf(saved);
    if (missed.length > 0) context.warn(`not reached here: ${missed.join("; ")}`);
    return exitCodeOf(saved, context.signal.aborted);
  } finally {
    context.signal.removeEventListener("abort", onEnd);
    await report?.close();
  }
}

/** What there is to measure, before anything is started. Throws `usage`. */
function chosenStack(settings: Settings, names: readonly string[], context: Context): () => Promise<SavedRun> {
  const { server, token, soakMs } = settings;
  const parts = partsNamed(names);
  const own = settings.benchStack !== undefined || server === undefined;
  if (soakMs !== undefined && (!own || !parts.some(({ name }) => name === "soak"))) {
    throw new ReliantError("usage", "--duration: only the part soak takes it", {
      hint: "reliant bench soak --duration 30m",
    });
  }
  if (own) return () => onOwnStack(settings, parts, context);
  if (names.length > 0) {
    throw new ReliantError("usage", `measure ${names.join(", ")} by the address ${server}: no part is measured so`, {
      hint: `By an address goes what a client can measure, without a part's name: requests, update streams, new chats until they are heard of, and with --model messages.\n  With --stack local parts are measured on servers of their own, whatever RELIANT_SERVER says`,
    });
  }
  if (token === undefined) {
    throw new ReliantError("usage", "measure a stack by its address: no token to show it", {
      hint: "pass one with --token or RELIANT_TOKEN (`--token -` reads it from standard input)",
    });
  }
  return () => onUserStack({ url: server, token: token.reveal(), model: settings.model }, context);
}

async function onOwnStack(settings: Settings, parts: readonly BenchPart[], context: Context): Promise<SavedRun> {
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
    const outcome = await measureParts(parts, { ...world, durationMs: settings.soakMs ?? SHORT_SOAK_MS });
    const run = runOf(machine, outcome);
    return { ...run, notes: [...run.notes, MEASURED_ELSEWHERE] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onUserStack(
  stack: { readonly url: string; readonly token: string; readonly model: string | undefined },
  { signal, writeError }: Context,
): Promise<SavedRun> {
  const machine = await watchMachine(clock, signal);
  try {
    return runOf(machine, await measureUserStack({ ...stack, signal, tell: writeError }));
  } catch (error) {
    signal.throwIfAborted();
    const { code, message, hint } = fromServer(error, `measure ${stack.url}`, stack.url);
    throw new ReliantError(code, message, {
      cause: error,
      hint: hint ?? "--server takes the address of an API server, without a path: https://api.example",
    });
  }
}

function runOf(machine: MachineFacts, { reports, notMeasured }: PartsOutcome): SavedRun {
  return {
    ...{ version: buildInfo().version, atMs: clock.now(), machine },
    ...{ ...mergeReports(reports), notMeasured: [...notMeasured] },
  };
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
