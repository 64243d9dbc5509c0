import { type NatsStackServer, startNats as startNatsServer } from "../../src/stack/nats-server.ts";
import { inTempFolder } from "./own-server.ts";
import { serverProgram } from "./server-programs.ts";

/** A NATS server of a test. Where it is shared by the whole run, `stop` does nothing and the verbs for faults are not there. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
}

export type OwnNatsServer = NatsStackServer;

/** The server of the test run, or one of its own where a test file runs alone. */
export async function sharedNats(): Promise<NatsServer> {
  const url = process.env.RELIANT_TEST_NATS_URL;
  if (url === undefined) return startNats();
  const stop = async () => undefined;
  return { url, stop, [Symbol.asyncDispose]: stop };
}

/** A new server, up when this resolves. `port`: its own; without it any free one. */
export async function startNats(options: { readonly port?: number } = {}): Promise<OwnNatsServer> {
  const program = await serverProgram("nats-server");
  return inTempFolder("nats", (folder) => startNatsServer(program, { ...options, folder, removed: folder }));
}
