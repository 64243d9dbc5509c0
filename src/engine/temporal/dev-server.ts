import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import { findFreePort } from "./free-port.ts";
import { endLeftServer, forgetServer, noteServer } from "./left-server.ts";

export interface DevServerOptions {
  /** Takes the server's database, its log and its process id. */
  readonly dataFolder: string;
  readonly namespace: string;
  readonly clock: Clock;
  /** The `temporal` command; by default the one on PATH. */
  readonly command?: string;
}

const HOST = "127.0.0.1";

/** A Temporal server of this machine for one process: started, started again when it ends, and stopped with it. */
export class TemporalDevServer {
  private readonly stopping = new AbortController();
  private child: Subprocess | undefined;
  private readonly ended: Promise<void>;

  private constructor(
    private readonly options: DevServerOptions,
    private readonly command: string,
    private readonly port: number,
  ) {
    this.ended = this.supervise();
  }

  /**
   * Starts it and does not wait until it answers: a {@link file://./temporal-connection.ts} does. Ends one that an
   * earlier process left behind. Throws `failed_precondition` where there is no `temporal` command.
   */
  static async start(options: DevServerOptions): Promise<TemporalDevServer> {
    const command = options.command ?? Bun.which("temporal");
    if (command === null || !(await Bun.file(command).exists())) {
      throw new ReliantError("failed_precondition", "start a Temporal server: there is no `temporal` command on PATH", {
        hint: "Install it (https://docs.temporal.io/cli), name a running server by --temporal-host, or leave --engine temporal out.",
      });
    }
    await mkdir(options.dataFolder, { recursive: true });
    await endLeftServer(options.dataFolder, databaseOf(options), options.clock);
    return new TemporalDevServer(options, command, await findFreePort(HOST));
  }

  /** `host:port`, the same for as long as this lives. */
  get address(): string {
    return `${HOST}:${this.port}`;
  }

  /** Resolves when its process has ended: by SIGTERM, or killed after `LIMITS.temporalServerStopMs`. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.child?.kill("SIGTERM");
    const disarm = this.options.clock.after(LIMITS.temporalServerStopMs, () => this.child?.kill("SIGKILL"));
    await this.ended;
    disarm();
  }

  private async supervise(): Promise<void> {
    const { clock, dataFolder } = this.options;
    for (let attempt = 0; !this.stopping.signal.aborted; attempt++) {
      const startedAtMs = clock.now();
      const child = this.spawn();
      this.child = child;
      await noteServer(dataFolder, child.pid);
      const code = await child.exited;
      await forgetServer(dataFolder);
      if (this.stopping.signal.aborted) return;
      if (clock.now() - startedAtMs > LIMITS.startRetryMaxMs) attempt = 0;
      logger("engine", "temporal").error("local Temporal server ended, it will start again", {
        ...{ code, signal: child.signalCode, log: logOf(this.options) },
      });
      const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
      await clock.sleep(waitMs, this.stopping.signal).catch(() => undefined);
    }
  }

  private spawn(): Subprocess {
    const { dataFolder, namespace } = this.options;
    const log = Bun.file(logOf(this.options));
    return Bun.spawn({
      cmd: [
        ...[this.command, "server", "start-dev", "--headless", "--ip", HOST, "--port", String(this.port)],
        ...["--namespace", namespace, "--db-filename", databaseOf(this.options), "--log-level", "error"],
      ],
      cwd: dataFolder,
      // Nothing of our environment: there are keys of models in it.
      env: { HOME: dataFolder, PATH: process.env.PATH ?? "" },
      stdin: "ignore",
      stdout: log,
      stderr: log,
      // Ctrl-C is for us; we end it when we have ended what uses it.
      detached: true,
    });
  }
}

function databaseOf(options: DevServerOptions): string {
  return join(options.dataFolder, "temporal.db");
}

function logOf(options: DevServerOptions): string {
  return join(options.dataFolder, "temporal.log");
}
