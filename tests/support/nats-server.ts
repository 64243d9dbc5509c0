import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { serverProgram } from "./server-programs.ts";
import { tempFolder } from "./temp-folder.ts";
import { TestProcess } from "./test-process.ts";

/** A NATS server of a test. Where it is shared by the whole run, `stop` does nothing and the verbs for faults throw. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
}

export interface OwnNatsServer extends NatsServer {
  /** `http://…` of the monitoring endpoints (`/connz`, `/subsz`). */
  readonly monitorUrl: string;
  /** SIGKILL; `restart` brings it back at the same address. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
}

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
  const folder = await tempFolder("nats");
  const [freePort, monitorPort] = await freePorts(2);
  const port = options.port ?? freePort;
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  const log = join(folder.path, "nats.log");
  const start = async () => {
    const started = await TestProcess.start({
      command: [program, "-a", "127.0.0.1", "-p", String(port), "-m", String(monitorPort), "-l", log],
      env: {},
      cwd: folder.path,
      folder: folder.path,
    });
    await started.awaitReady(`${monitorUrl}/healthz`);
    return started;
  };
  let server = await start();
  const stop = async () => {
    server.resume();
    await server.stop();
    await folder.remove();
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    monitorUrl,
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
