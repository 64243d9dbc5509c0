import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { ManagedProcess } from "./managed-process.ts";
import { type StackServer, type StackServerOptions, startServer } from "./stack-server.ts";

export interface NatsStackServer extends StackServer {
  /** `http://…` of the monitoring endpoints (`/connz`, `/subsz`). */
  readonly monitorUrl: string;
}

const HOST = "127.0.0.1";

/** A new NATS server, up when this resolves. It stores nothing. */
export async function startNats(program: string, options: StackServerOptions): Promise<NatsStackServer> {
  const { folder, removed } = options;
  await mkdir(folder, { recursive: true });
  const [freePort = 0, monitorPort] = await freePorts(2);
  const port = options.port ?? freePort;
  const monitorUrl = `http://${HOST}:${monitorPort}`;
  const launch = async (signal?: AbortSignal) => {
    const started = await ManagedProcess.start({
      command: [program, "-a", HOST, "-p", String(port), "-m", String(monitorPort), "-l", join(folder, "nats.log")],
      env: {},
      cwd: folder,
      folder: removed,
    });
    await started.killedUnless(started.awaitReady(`${monitorUrl}/healthz`, undefined, signal));
    return started;
  };
  const url = `nats://${HOST}:${port}`;
  const server = await startServer({ name: "nats", host: HOST, port, url, endsBy: "SIGTERM", launch }, options.signal);
  return { ...server, monitorUrl };
}
