import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { systemClock } from "../core/clock.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { freePort } from "./free-port.ts";
import { ManagedProcess } from "./managed-process.ts";
import { type StackServer, type StackServerOptions, startServer } from "./stack-server.ts";

export interface TemporalStackServer extends StackServer {
  readonly namespace: string;
}

const HOST = "127.0.0.1";
const NAMESPACE = "reliant";

/** A new Temporal server with the namespace `reliant`, up when this resolves. It stores in a file, so that it survives a restart. */
export async function startTemporal(program: string, options: StackServerOptions): Promise<TemporalStackServer> {
  const { folder, removed } = options;
  await mkdir(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const url = `${HOST}:${port}`;
  const launch = async (signal?: AbortSignal) => {
    const started = await ManagedProcess.start({
      command: [
        ...[program, "server", "start-dev", "--headless", "--ip", HOST, "--port", String(port)],
        ...["--namespace", NAMESPACE, "--db-filename", join(folder, "temporal.db"), "--log-level", "error"],
      ],
      env: { HOME: folder },
      cwd: folder,
      folder: removed,
      logFile: join(folder, "temporal.log"),
    });
    const answers = () => hasNamespace(url);
    await started.killedUnless(started.awaitThat(`namespace ${NAMESPACE} at ${url}`, answers, undefined, signal));
    return started;
  };
  const kind = { name: "temporal", host: HOST, port, url, endsBy: "SIGTERM", launch } as const;
  return { ...(await startServer(kind, options.signal)), namespace: NAMESPACE };
}

async function hasNamespace(address: string): Promise<true> {
  const connection = await Connection.connect({ address, connectTimeout: TRIAL_LIMITS.stackLookMs });
  try {
    await connection.withDeadline(systemClock.now() + TRIAL_LIMITS.stackLookMs, () =>
      connection.workflowService.describeNamespace({ namespace: NAMESPACE }),
    );
    return true;
  } finally {
    await connection.close();
  }
}
