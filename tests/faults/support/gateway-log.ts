import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One connection of a daemon, as its gateway's log has it; moments are milliseconds of the wall clock. */
export interface LoggedConnection {
  readonly daemonId: string;
  readonly epoch: number;
  readonly fromMs: number;
  /** Undefined while it stands. */
  readonly untilMs: number | undefined;
}

const LINE = /^(\S+) INF reliant·gateway: daemon (connected|disconnected) daemonId=(\S+) epoch=(\d+)/;

/** All connections that the gateways of the stack have held, by the daemon's id, in the order of their epochs. */
export async function loggedConnections(
  stackFolder: string,
): Promise<ReadonlyMap<string, readonly LoggedConnection[]>> {
  const logs = join(stackFolder, "logs");
  const files = (await readdir(logs)).filter((name) => name.startsWith("gateway-"));
  const lines = (await Promise.all(files.map((name) => readFile(join(logs, name), "utf8")))).join("\n").split("\n");
  const found = new Map<string, Map<number, { fromMs?: number; untilMs?: number }>>();
  for (const line of lines) {
    const [, time = "", what, daemonId = "", epoch] = LINE.exec(line) ?? [];
    if (what === undefined) continue;
    const ofDaemon = found.get(daemonId) ?? new Map<number, { fromMs?: number; untilMs?: number }>();
    found.set(daemonId, ofDaemon);
    const moment = what === "connected" ? { fromMs: Date.parse(time) } : { untilMs: Date.parse(time) };
    ofDaemon.set(Number(epoch), { ...ofDaemon.get(Number(epoch)), ...moment });
  }
  return new Map(
    [...found].map(([daemonId, epochs]) => [
      daemonId,
      [...epochs]
        .sort(([a], [b]) => a - b)
        .map(([epoch, { fromMs = Number.NaN, untilMs }]) => ({ daemonId, epoch, fromMs, untilMs })),
    ]),
  );
}
