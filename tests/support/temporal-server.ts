import { startTemporal as startTemporalServer, type TemporalStackServer } from "../../src/stack/temporal-server.ts";
import { inTempFolder } from "./own-server.ts";
import { serverProgram } from "./server-programs.ts";

/** A Temporal server of a test. Where it is shared by the whole run, `stop` does nothing. Use task queues and workflow ids of your own. */
export interface TemporalServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  stop(): Promise<void>;
}

export type OwnTemporalServer = TemporalServer & TemporalStackServer;

/** The server of the test run, or one of its own where a test file runs alone. */
export async function sharedTemporal(): Promise<TemporalServer> {
  const address = process.env.RELIANT_TEST_TEMPORAL_ADDRESS;
  if (address === undefined) return startTemporal();
  const [host = "", port] = address.split(":");
  const stop = async () => undefined;
  return { host, port: Number(port), address, namespace: "reliant", stop, [Symbol.asyncDispose]: stop };
}

/** A new server on `port`, or on a free one, with the namespace `reliant`, up when this resolves. Stored in a file, so that it survives a restart. */
export async function startTemporal(options: { readonly port?: number } = {}): Promise<OwnTemporalServer> {
  const program = await serverProgram("temporal");
  const start = (folder: string) => startTemporalServer(program, { ...options, folder, removed: folder });
  const server = await inTempFolder("temporal", start);
  return { ...server, address: server.url };
}
