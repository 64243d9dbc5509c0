import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { freePort } from "./free-port.ts";
import { serverProgram } from "./server-programs.ts";
import { tempFolder } from "./temp-folder.ts";
import { TestProcess } from "./test-process.ts";

/** A Temporal server of a test. Where it is shared by the whole run, `stop` does nothing. Use task queues and workflow ids of your own. */
export interface TemporalServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  stop(): Promise<void>;
}

export interface OwnTemporalServer extends TemporalServer {
  /** SIGKILL; `restart` brings it back at the same address, with what it had stored. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
}

const HOST = "127.0.0.1";
const NAMESPACE = "reliant";

/** The server of the test run, or one of its own where a test file runs alone. */
export async function sharedTemporal(): Promise<TemporalServer> {
  const address = process.env.RELIANT_TEST_TEMPORAL_ADDRESS;
  if (address === undefined) return startTemporal();
  const stop = async () => undefined;
  return { ...parts(address), stop, [Symbol.asyncDispose]: stop };
}

/** A new server on `port`, or on a free one, with the namespace `reliant`, up when this resolves. Stored in a file, so that it survives a restart. */
export async function startTemporal(options: { readonly port?: number } = {}): Promise<OwnTemporalServer> {
  const program = await serverProgram("temporal");
  const folder = await tempFolder("temporal");
  const address = `${HOST}:${options.port ?? (await freePort())}`;
  const port = address.split(":")[1] ?? "";
  const start = async () => {
    const started = await TestProcess.start({
      command: [
        ...[program, "server", "start-dev", "--headless", "--ip", HOST, "--port", port],
        ...["--namespace", NAMESPACE, "--db-filename", join(folder.path, "temporal.db"), "--log-level", "error"],
      ],
      env: { HOME: folder.path },
      cwd: folder.path,
      folder: folder.path,
    });
    await started.awaitThat(`namespace ${NAMESPACE} at ${address}`, () => hasNamespace(address));
    return started;
  };
  let server = await start();
  const stop = async () => {
    server.resume();
    await server.stop();
    await folder.remove();
  };
  return {
    ...parts(address),
    kill9: () => server.kill9(),
    restart: async () => {
      await server.stop();
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function parts(address: string): Pick<TemporalServer, "host" | "port" | "address" | "namespace"> {
  const [host = HOST, port] = address.split(":");
  return { host, port: Number(port), address, namespace: NAMESPACE };
}

async function hasNamespace(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: "2s" });
  try {
    await connection.withDeadline(Date.now() + 2000, () =>
      connection.workflowService.describeNamespace({ namespace: NAMESPACE }),
    );
    return true;
  } finally {
    await connection.close();
  }
}
