import { stat } from "node:fs/promises";
import { join } from "node:path";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { backendFlags } from "../stack/backends.ts";
import { freePorts } from "../stack/free-port.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import { pollUntil } from "../stack/poll-until.ts";
import type { ServerRole } from "../stack/role-process.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { daemonToken, startRole } from "./bench-roles.ts";
import { type Figure, median, type PartReport, timeOf } from "./figures.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { peakBytes, residentBytes } from "./proc-facts.ts";

const MB = 1e6;
const VERSION_RUNS = 41;
const MEMORY_RUNS = 5;
const ROLE_RUNS = 3;

export const START_UP: BenchPart = {
  name: "start-up",
  says: "the executable's size, `reliant version`, and each role from its start until it may be given work",
  goals: ["start.version_ms", "start.version_mb", "start.file_mb"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureStartUp,
};

async function measureStartUp(world: BenchWorld): Promise<PartReport> {
  const { executable } = world;
  const bytes = (await stat(executable)).size;
  const size: Figure = { id: "start.file_mb", what: "size of the executable", value: bytes / MB, unit: "MB" };
  return { figures: [size, ...(await measureVersion(executable)), ...(await measureRoles(world))] };
}

async function measureVersion(executable: string): Promise<Figure[]> {
  const options = { stdin: "ignore", stdout: "ignore", stderr: "ignore", env: {} } as const;
  const times: number[] = [];
  for (let run = 0; run < VERSION_RUNS; run++) {
    times.push(await timeOf(() => Bun.spawn([executable, "version"], options).exited));
  }
  const peaks: number[] = [];
  for (let run = 0; run < MEMORY_RUNS; run++) {
    const child = Bun.spawn([executable, "version"], options);
    let peak = 0;
    // Without a pause, so that the last look is close to its end. What the kernel tells the parent after it (`ru_maxrss`)
    // counts the parent's own memory, from before the exec.
    for (let seen = peakBytes(child.pid); seen !== undefined; seen = peakBytes(child.pid)) peak = seen;
    await child.exited;
    peaks.push(peak / MB);
  }
  return [
    { id: "start.version_ms", what: "`reliant version`, median", value: median(times), unit: "ms" },
    { id: "start.version_mb", what: "`reliant version`, peak memory", value: Math.max(...peaks), unit: "MB" },
  ];
}

async function measureRoles(world: BenchWorld): Promise<Figure[]> {
  await using installation = await startInstallation(world, { temporal: true });
  const backends = (kind: ServerRole) => [
    ...backendFlags(kind, installation),
    ...["--data-dir", join(installation.folder, "data")],
  ];
  const ports = ["--api-port", "--grpc-port", "--pprof-port"];
  const roles = [
    { name: "api", args: ["server", "api", "--disable-tls", ...backends("api")], ports },
    { name: "worker", args: ["server", "worker", ...backends("worker")], ports: [] },
    {
      name: "gateway",
      args: ["server", "gateway", "--disable-tls", ...backends("gateway")],
      ports: ["--daemon-port", "--frontend-port"],
    },
    { name: "monolith", args: ["monolith", "--data-dir", join(installation.folder, "monolith")], ports },
  ] as const;
  const figures: Figure[] = [];
  for (const { name, args, ports } of roles) figures.push(...(await measureRole(installation, name, args, ports)));
  return [...figures, ...(await measureDaemon(installation))];
}

async function measureRole(
  installation: Installation,
  name: string,
  args: readonly string[],
  portFlags: readonly string[],
): Promise<Figure[]> {
  const starts: Start[] = [];
  for (let run = 0; run < ROLE_RUNS; run++) {
    const [health = 0, ...others] = await freePorts(portFlags.length + 1);
    const ports = portFlags.flatMap((flag, index) => [flag, String(others[index])]);
    const url = `http://127.0.0.1:${health}/ready`;
    const startedMs = performance.now();
    const role = await installation.spawn([...args, ...ports, "--health-port", String(health)]);
    await lookOften(installation.world, role, `${name} to be ready`, () => answersOk(url));
    starts.push({ ms: performance.now() - startedMs, bytes: residentBytes(role.pid) });
    await role.stop();
  }
  return roleFigures(name, "ready", starts);
}

async function measureDaemon(installation: Installation): Promise<Figure[]> {
  const gateway = await startRole(installation, "gateway");
  const user = await installation.signUp("ada");
  const { secret } = await daemonToken(installation.store, user);
  const starts: Start[] = [];
  for (let run = 0; run < ROLE_RUNS; run++) {
    const dataDir = join(installation.folder, `daemon-${run}`);
    const args = ["daemon", "start", "--gateway", gateway.url, "--token", "-", "--data-dir", dataDir];
    const startedMs = performance.now();
    const daemon = await installation.spawn(args, secret);
    await lookOften(installation.world, daemon, "its connection", () => /\bconnected epoch=/.test(daemon.stderr));
    starts.push({ ms: performance.now() - startedMs, bytes: residentBytes(daemon.pid) });
    await daemon.stop();
  }
  return roleFigures("daemon", "connected", starts);
}

/** Pause between two looks at what is timed: small beside it. */
const LOOK_MS = 2;

/** Waits for what is timed. Throws where the process ends before, or after the bound. */
async function lookOften(
  { clock, signal }: BenchWorld,
  process: ManagedProcess,
  what: string,
  look: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUp = () => (process.isRunning ? undefined : `it has ended\n${process.newestOutput()}`);
  await pollUntil(what, look, { pauseMs: LOOK_MS, giveUp, clock, signal });
}

interface Start {
  readonly ms: number;
  /** Resident when it was ready. */
  readonly bytes: number;
}

async function answersOk(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

function roleFigures(name: string, when: string, starts: readonly Start[]): Figure[] {
  const [ms, bytes] = [median(starts.map((start) => start.ms)), median(starts.map((start) => start.bytes))];
  return [
    { id: `start.${name}_ms`, what: `${name}, start until ${when}`, value: ms, unit: "ms" },
    { id: `start.${name}_mb`, what: `${name}, resident when ${when}`, value: bytes / MB, unit: "MB" },
  ];
}
