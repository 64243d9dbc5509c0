import { stat } from "node:fs/promises";
import { builtExecutable } from "../support/executable.ts";
import { freePorts } from "../support/free-port.ts";
import { startTemporal } from "../support/temporal-server.ts";
import { type Figure, type PartReport, quantile, timeOf } from "./figures.ts";
import {
  backendFlags,
  type Installation,
  lookOften,
  startDaemon,
  startGateway,
  startInstallation,
} from "./installation.ts";
import { peakBytes, residentBytes } from "./proc-facts.ts";

const MB = 1e6;
const VERSION_RUNS = 41;
const MEMORY_RUNS = 5;
const ROLE_RUNS = 3;

/** The executable's size, `reliant version`, and every role from its start until it may be given work. */
export async function measureStartUp(): Promise<PartReport> {
  const executable = await builtExecutable();
  const size: Figure = {
    what: "size of the executable",
    value: (await stat(executable)).size / MB,
    unit: "MB",
    atMost: 165,
  };
  return { figures: [size, ...(await measureVersion(executable)), ...(await measureRoles())] };
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
    { what: "`reliant version`, median", value: quantile(times, 0.5), unit: "ms", atMost: 25 },
    { what: "`reliant version`, peak memory", value: Math.max(...peaks), unit: "MB", atMost: 40 },
  ];
}

async function measureRoles(): Promise<Figure[]> {
  await using temporal = await startTemporal();
  await using installation = await startInstallation();
  const temporalFlags = [
    ...["--temporal-host", temporal.host, "--temporal-port", String(temporal.port)],
    ...["--temporal-namespace", temporal.namespace],
  ];
  const backends = backendFlags(installation);
  const monolith = ["--api-port", "--grpc-port", "--pprof-port"];
  const roles: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly ports: readonly string[];
  }[] = [
    { name: "api", args: ["server", "api", "--disable-tls", ...backends, ...temporalFlags], ports: monolith },
    { name: "worker", args: ["server", "worker", ...backends, ...temporalFlags], ports: [] },
    {
      name: "gateway",
      args: ["server", "gateway", "--disable-tls", ...backends],
      ports: ["--daemon-port", "--frontend-port"],
    },
    { name: "monolith", args: ["monolith", "--data-dir", `${installation.folder}/monolith`], ports: monolith },
  ];
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
    await lookOften(role, () => answersOk(url));
    starts.push({ ms: performance.now() - startedMs, bytes: residentBytes(role.pid) });
    await role.stop();
  }
  return roleFigures(name, "ready", starts);
}

async function measureDaemon(installation: Installation): Promise<Figure[]> {
  const gateway = await startGateway(installation);
  const starts: Start[] = [];
  for (let run = 0; run < ROLE_RUNS; run++) {
    const { process, connectedAfterMs } = await startDaemon(installation, gateway);
    starts.push({ ms: connectedAfterMs, bytes: residentBytes(process.pid) });
    await process.stop();
  }
  return roleFigures("daemon", "connected", starts);
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
  const median = (values: readonly number[]) => quantile(values, 0.5);
  return [
    { what: `${name}, start until ${when}`, value: median(starts.map(({ ms }) => ms)), unit: "ms" },
    { what: `${name}, resident when ${when}`, value: median(starts.map(({ bytes }) => bytes)) / MB, unit: "MB" },
  ];
}
