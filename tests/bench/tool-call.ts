import { join } from "node:path";
import { TestProcess } from "../support/test-process.ts";
import { type Figure, type PartReport, spreadOf } from "./figures.ts";
import { startDaemon, startGateway, startInstallation } from "./installation.ts";
import { DRIVER_REPORT, type DriverOptions, type DriverReport } from "./tool-call-driver.ts";

/** The first rounds are not counted: servers that have just been started compile their code while they work. */
const WARM_UP_ROUNDS = 6;
const ROUNDS = 12;
const CALLS_PER_ROUND = 50;
const DRIVE_MS = 40_000;
const END_MS = 55_000;

/** One tool call at a time: driver → NATS → gateway → daemon and back, on real servers; beside it what it is made of. */
export async function measureToolCall(): Promise<PartReport> {
  await using installation = await startInstallation();
  const { folder, databaseUrl, natsUrl, userId } = installation;
  const gateway = await startGateway(installation);
  const daemon = await startDaemon(installation, gateway);
  const subject = "bench.echo";
  const peer = await runBun(folder, "echo-peer.ts", [natsUrl, subject]);
  const [, port] = await peer.awaitOutput(/listening (\d+)/);
  const options: DriverOptions = {
    ...{ databaseUrl, natsUrl, subject, folder, userId, daemonId: daemon.id, root: daemon.root },
    ...{ echoUrl: `http://127.0.0.1:${port}`, warmUpRounds: WARM_UP_ROUNDS },
    ...{ rounds: ROUNDS, callsPerRound: CALLS_PER_ROUND, driveMs: DRIVE_MS },
  };
  try {
    const driver = await runBun(folder, "tool-call-driver.ts", [JSON.stringify(options)]);
    const { code } = await driver.awaitExit(END_MS);
    if (code !== 0) throw new Error(`drive tool calls: exit code ${code}\n${driver.newestOutput()}`);
    return reportOf(DRIVER_REPORT.parse(JSON.parse(driver.stdout)));
  } finally {
    await peer.stop("SIGKILL");
  }
}

function runBun(folder: string, program: string, args: readonly string[]): Promise<TestProcess> {
  return TestProcess.start({
    command: [process.execPath, join(import.meta.dir, program), ...args],
    env: { PATH: process.env.PATH ?? "", HOME: folder },
    cwd: folder,
    folder,
  });
}

function reportOf({ calls, tool, rawParts }: DriverReport): PartReport {
  const [call, alone] = [spreadOf(calls), spreadOf(tool)];
  const parts = rawParts.map(({ what, times, took }) => ({ what, times, ...spreadOf(took) }));
  const sum = parts.reduce((total, { p50, times }) => total + p50 * times, 0);
  const figures: Figure[] = [
    { what: `tool call (read_file, one caller, ${calls.length} calls), p50`, value: call.p50, unit: "ms" },
    { what: "sum of its raw parts, each at p50", value: sum, unit: "ms" },
    { what: "tool call, p50 against the sum of its raw parts", value: call.p50 / sum, unit: "×", atMost: 2 },
    { what: "tool call, p99", value: call.p99, unit: "ms", atMost: 25 },
  ];
  const multiple = (times: number) => (times === 1 ? "" : `, ${times} in a call`);
  return {
    figures,
    rawParts: [
      ...parts.map(({ what, times, p50, p99 }) => ({ what: `${what}${multiple(times)}`, p50Ms: p50, p99Ms: p99 })),
      { what: "not in the sum: the tool itself (read_file of 6 bytes)", p50Ms: alone.p50, p99Ms: alone.p99 },
    ],
  };
}
