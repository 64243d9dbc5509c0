/** Runs all groups of tests but the faults, or those named, with one set of real servers: `npm test`, `npm test -- unit e2e`. */
import { spawn } from "node:child_process";
import { dirname, join, relative } from "node:path";
import { leash } from "../src/stack/leash.ts";
import { builtExecutable } from "./support/executable.ts";
import { judgeTime, type PromisedTime } from "./support/group-time.ts";
import { startNats } from "./support/nats-server.ts";
import { startPostgres } from "./support/postgres-server.ts";
import { tempFolder } from "./support/temp-folder.ts";
import { startTemporal } from "./support/temporal-server.ts";
import { addCounts, countsLine, countTests, type TestCounts } from "./support/test-counts.ts";

interface Group {
  readonly name: string;
  readonly needsServers: boolean;
  readonly needsExecutable: boolean;
  /** Time of one test that sets none itself, milliseconds. */
  readonly testMs: number;
  /** A group that takes longer hangs: it is ended, and counts as failed. Default {@link GROUP_MS}. */
  readonly groupMs?: number;
  /** What the README says of it. */
  readonly promised?: PromisedTime;
  /** Runs only where it is named. */
  readonly onlyNamed?: true;
  /** Test files at the same time; default one. For those that mostly wait. */
  readonly parallel?: number;
  /** Files that have the machine to themselves: they come last, one after the other. For those that compare times. */
  readonly alone?: readonly string[];
}

const GROUPS: readonly Group[] = [
  { name: "unit", needsServers: false, needsExecutable: false, testMs: 10_000 },
  { name: "contract", needsServers: true, needsExecutable: false, testMs: 60_000 },
  { name: "replay", needsServers: false, needsExecutable: false, testMs: 60_000 },
  { name: "simulation", needsServers: false, needsExecutable: false, testMs: 120_000 },
  { name: "tidy", needsServers: false, needsExecutable: false, testMs: 30_000 },
  { name: "e2e", needsServers: true, needsExecutable: true, testMs: 180_000 },
  // Every test has servers of its own, which it kills.
  {
    name: "faults",
    needsServers: false,
    needsExecutable: true,
    testMs: 180_000,
    // Beyond the promise, so that the log shows which tests took the time.
    groupMs: 40 * 60_000,
    promised: { minutes: 20, failMinutes: 25 },
    onlyNamed: true,
    // By name, each third of the files at once: the rotation through the links takes as long as all others together, and
    // waits most of it.
    parallel: 3,
    alone: ["flood.test.ts", "slow-reader.test.ts"],
  },
];

const ROOT = join(import.meta.dir, "..");
const GROUP_MS = 20 * 60_000;

/** What has to be ended, newest first, however the run ends. */
type Ending = () => Promise<void>;

async function main(names: readonly string[]): Promise<number> {
  const usual = GROUPS.filter((group) => group.onlyNamed !== true);
  const groups = names.length === 0 ? usual : GROUPS.filter((group) => names.includes(group.name));
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    say(`no such group: ${unknown.join(", ")}. Groups: ${GROUPS.map((group) => group.name).join(", ")}.`);
    return 2;
  }
  const endings: Ending[] = [];
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => interrupted.abort(new Error(signal)));
  }
  try {
    const env = await prepare(groups, endings);
    return await runGroups(groups, env, interrupted.signal);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    say(countsLine({ passed: 0, failed: 1, skipped: 0 }));
    return 1;
  } finally {
    await Promise.allSettled(endings.map((end) => end()));
  }
}

/** Builds the executable and starts the servers; gives the variables by which the tests find them. */
async function prepare(groups: readonly Group[], endings: Ending[]): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  const startedMs = performance.now();
  const tasks: Promise<unknown>[] = [];
  const keep = async <T extends { stop: Ending }>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    endings.push(server.stop);
    return server;
  };
  if (groups.some((group) => group.needsServers)) {
    tasks.push(
      keep(startNats()).then((server) => Object.assign(env, { RELIANT_TEST_NATS_URL: server.url })),
      keep(startPostgres()).then((server) => Object.assign(env, { RELIANT_TEST_POSTGRES_URL: server.url })),
      keep(startTemporal()).then((server) => Object.assign(env, { RELIANT_TEST_TEMPORAL_ADDRESS: server.address })),
    );
  }
  if (groups.some((group) => group.needsExecutable)) {
    tasks.push(builtExecutable().then((path) => Object.assign(env, { RELIANT_TEST_EXECUTABLE: path })));
  }
  const faults = (await Promise.allSettled(tasks)).flatMap((task) => (task.status === "rejected" ? [task.reason] : []));
  if (faults.length > 0) {
    throw new Error(faults.map((fault) => (fault instanceof Error ? fault.message : String(fault))).join("\n\n"));
  }
  for (const [name, value] of Object.entries(env)) {
    say(`${name}=${name.endsWith("EXECUTABLE") ? relative(ROOT, value) : value}`);
  }
  say(`ready to test after ${seconds(startedMs)}`);
  return env;
}

async function runGroups(
  groups: readonly Group[],
  env: Readonly<Record<string, string>>,
  interrupted: AbortSignal,
): Promise<number> {
  await using reports = await tempFolder("reports");
  const rows: { name: string; counts: TestCounts; time: string; tooSlow: string | undefined }[] = [];
  for (const group of groups) {
    if (interrupted.aborted) break;
    const startedMs = performance.now();
    say(`\n=== ${group.name}`);
    const counts = await runGroup(group, reports.path, env, interrupted);
    const time = judgeTime(group.name, group.promised, performance.now() - startedMs);
    const ofTime = { passed: 0, failed: time.failed ? 1 : 0, skipped: 0 };
    rows.push({
      ...{ name: group.name, counts: addCounts([counts, ofTime]), time: seconds(startedMs), tooSlow: time.told },
    });
  }
  say("");
  for (const row of rows) say(`${row.name.padEnd(10)}${countsLine(row.counts)} (${row.time})`);
  for (const { tooSlow } of rows) if (tooSlow !== undefined) say(tooSlow);
  const sum = addCounts(rows.map((row) => row.counts));
  if (interrupted.aborted) say("interrupted: not all tests ran");
  if (sum.skipped > 0) say("a skipped test counts as a failure of the run: mend it or remove it");
  say(countsLine(sum));
  if (interrupted.aborted) return 130;
  return sum.failed === 0 && sum.skipped === 0 ? 0 : 1;
}

/** One run of `bun test`. */
interface Stage {
  readonly name: string;
  /** Relative to {@link ROOT}: files, or the group's folder. */
  readonly paths: readonly string[];
  readonly parallel: number | undefined;
}

async function runGroup(
  group: Group,
  reportFolder: string,
  env: Readonly<Record<string, string>>,
  interrupted: AbortSignal,
): Promise<TestCounts> {
  const untilMs = performance.now() + (group.groupMs ?? GROUP_MS);
  const counts: TestCounts[] = [];
  for (const stage of stagesOf(group)) {
    if (interrupted.aborted) break;
    const leftMs = Math.max(1, Math.round(untilMs - performance.now()));
    counts.push(await runStage(stage, group.testMs, leftMs, join(reportFolder, `${stage.name}.xml`), env, interrupted));
  }
  return addCounts(counts);
}

/** One stage; or two, the second for the files that have the machine to themselves. */
function stagesOf({ name, parallel, alone }: Group): Stage[] {
  const folder = `./tests/${name}/`;
  if (alone === undefined) return [{ name, paths: [folder], parallel }];
  const others = [...new Bun.Glob("**/*.test.ts").scanSync(join(ROOT, folder))].filter((file) => !alone.includes(file));
  return [
    { name, paths: others.sort().map((file) => folder + file), parallel },
    { name: `${name}-alone`, paths: alone.map((file) => folder + file), parallel: undefined },
  ];
}

async function runStage(
  stage: Stage,
  testMs: number,
  stageMs: number,
  report: string,
  env: Readonly<Record<string, string>>,
  interrupted: AbortSignal,
): Promise<TestCounts> {
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const parallel = stage.parallel === undefined ? [] : [`--parallel=${stage.parallel}`];
  const run = spawn(process.execPath, ["test", `--timeout=${testMs}`, ...parallel, ...stage.paths, ...reporter], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
    timeout: stageMs,
  });
  const release = run.pid === undefined ? () => undefined : leash(run.pid, dirname(report));
  const end = () => run.kill("SIGTERM");
  interrupted.addEventListener("abort", end, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    run.once("exit", resolve).once("error", reject);
  });
  interrupted.removeEventListener("abort", end);
  release();
  const file = Bun.file(report);
  return countTests((await file.exists()) ? await file.text() : undefined, code);
}

function seconds(startedMs: number): string {
  return `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exit(await main(process.argv.slice(2)));
