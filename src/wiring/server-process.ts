import { listenError, type WantedPort } from "../config/port-conflict.ts";
import type { Role } from "../config/row.ts";
import { systemClock } from "../core/clock.ts";
import { configureLogging, type LogFormat, type LogLevel, logger } from "../core/logger.ts";
import { Counters } from "../ops/counters.ts";
import { startHealthServer } from "../ops/health-server.ts";
import { connecting, ReadinessChecks } from "../ops/readiness.ts";
import type { CommandContext } from "./command-context.ts";

/** What a role is made of while it runs. */
export interface ServerParts {
  readonly readiness: ReadinessChecks;
  readonly counters: Counters;
  /** Ends what is being waited for while the role starts. */
  readonly signal: AbortSignal;
  /** What is to be closed, in the reverse order of its opening, after the role has drained. */
  readonly closing: AsyncDisposableStack;
}

interface ServerSettings {
  readonly healthPort: number;
  readonly bindAddress: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/**
 * The life of every server: the health port first, so that `/ready` can say what is missing; then the parts, for as long
 * as they take; then work until SIGTERM; then not ready, drain, close. `start` opens the parts and answers the drain.
 */
export async function runServer(
  role: "api" | "worker" | "gateway" | "monolith",
  settings: ServerSettings,
  context: CommandContext,
  needs: readonly string[],
  start: (parts: ServerParts) => Promise<() => Promise<void>>,
): Promise<number> {
  await configureLogging({ level: settings.logLevel, format: settings.logFormat });
  const log = logger(role);
  const readiness = new ReadinessChecks(systemClock);
  for (const need of [...needs, role])
    readiness.set(
      need,
      connecting(() => "not there yet"),
    );
  const counters = new Counters();
  await using closing = new AsyncDisposableStack();
  const wanted = { role, setting: "healthPort", port: settings.healthPort, bindAddress: settings.bindAddress } as const;
  const health = await listening(wanted, async () => startHealthServer(readiness, counters, wanted));
  closing.defer(() => health.stop());
  try {
    const drain = await start({ readiness, counters, signal: context.signal, closing });
    readiness.set(role, async () => undefined);
    log.info("ready", { healthPort: health.port });
    await aborted(context.signal);
    log.info("stopping");
    readiness.drain();
    await drain();
  } catch (error) {
    // A stop while it was still starting is a stop like any other.
    if (!context.signal.aborted) throw error;
  }
  return 0;
}

/** Opens a port; where that fails, the error tells which setting moves it and who holds it. */
export async function listening<T, R extends Role>(wanted: WantedPort<R>, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw await listenError(error, wanted);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
