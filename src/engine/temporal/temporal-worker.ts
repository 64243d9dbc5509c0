import { NativeConnection, Worker } from "@temporalio/worker";
import type { Activities } from "../../activities/activities.ts";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import { workflowCode } from "./bundle/workflow-code.ts";
import { TASK_QUEUE, toolQueueOf } from "./task-queues.ts";
import { temporalActivities } from "./temporal-activities.ts";
import type { TemporalConnection } from "./temporal-connection.ts";
import { toTemporalError } from "./temporal-errors.ts";
import { installTemporalRuntime } from "./temporal-runtime.ts";
import { connectionOptions } from "./temporal-settings.ts";

export interface TemporalWorkerOptions {
  /** Stays the caller's, who closes it after the worker has stopped. */
  readonly connection: TemporalConnection;
  readonly activities: Activities;
  readonly clock: Clock;
  readonly taskQueue?: string;
}

const POLLERS = { type: "autoscaling", minimum: 1, initial: 1, maximum: LIMITS.workerPollers } as const;

/** Begins to run workflows and steps in this process, and goes on until it is stopped; Temporal may be away meanwhile. */
export function runTemporalWorker(options: TemporalWorkerOptions): RunningWorker {
  return TemporalWorker.start(options);
}

export type RunningWorker = Pick<TemporalWorker, "check" | "stop">;

class TemporalWorker {
  private readonly stopping = new AbortController();
  /** Steps under way end now: the grace is over. */
  private readonly ending = new AbortController();
  private workers: readonly Worker[] = [];
  private lastFault: ReliantError | undefined;
  private readonly ended: Promise<void>;

  private constructor(private readonly options: TemporalWorkerOptions) {
    this.ended = this.supervise();
  }

  static start(options: TemporalWorkerOptions): TemporalWorker {
    return new TemporalWorker(options);
  }

  /** Rejects while this process takes no work: Temporal is away, or the worker has not started or is stopping. */
  async check(signal: AbortSignal): Promise<void> {
    await this.options.connection.check(signal);
    const polling = this.workers.length > 0 && this.workers.every((worker) => worker.getState() === "RUNNING");
    if (!polling) throw this.lastFault ?? new ReliantError("unavailable", "run the Temporal worker: not started yet");
  }

  /**
   * Takes no more work, lets model calls finish within `LIMITS.workerGraceMs`, hands the rest over to other workers, and
   * resolves within `LIMITS.drainMs`.
   */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const worker of this.workers) shutDown(worker);
    const disarm = this.options.clock.after(LIMITS.workerGraceMs, () => this.ending.abort());
    await this.ended;
    disarm();
  }

  /** Runs the workers, and again when they end by an error. */
  private async supervise(): Promise<void> {
    const { clock, connection } = this.options;
    for (let attempt = 0; !this.stopping.signal.aborted; attempt++) {
      try {
        await untilAborted(connection.ready, this.stopping.signal);
        if (this.stopping.signal.aborted) return;
        await this.runWorkers();
      } catch (error) {
        this.lastFault = toTemporalError(error, "run the Temporal worker");
        // A connection that was closed comes from the same stop, and may be first.
        if (this.stopping.signal.aborted || connection.isClosed) return;
        logger("engine", "temporal").error("worker ended, it will start again", {
          fault: this.lastFault.message,
          attempt,
        });
        const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
        await clock.sleep(waitMs, this.stopping.signal).catch(() => undefined);
      } finally {
        this.workers = [];
      }
    }
  }

  private async runWorkers(): Promise<void> {
    installTemporalRuntime();
    const { settings } = this.options.connection;
    const native = await NativeConnection.connect(connectionOptions(settings));
    try {
      const workers = await this.createWorkers(native);
      this.workers = workers;
      // A stop that came while they were made finds none of them.
      if (this.stopping.signal.aborted) return await closeUnused(workers);
      await runTogether(workers);
    } finally {
      await native.close();
    }
  }

  private async createWorkers(connection: NativeConnection): Promise<readonly Worker[]> {
    const { activities, taskQueue = TASK_QUEUE } = this.options;
    const { look, endRun, callModel, runTool } = temporalActivities(activities, this.ending.signal);
    const { namespace } = this.options.connection.settings;
    const shared = {
      connection,
      namespace,
      // A cancel comes with the answer to a beat: beats are not to be held back.
      maxHeartbeatThrottleInterval: "500ms",
      shutdownForceTime: LIMITS.drainMs,
      // Few polls while idle: a worker that freezes keeps its polls open, and Temporal hands a task to each of them, which
      // only a time-out brings back. With the SDK's ten of them a take-over took a minute (tests/contract/workflow-engine-crash).
      activityTaskPollerBehavior: POLLERS,
    } as const;
    const main = await Worker.create({
      ...shared,
      taskQueue,
      workflowBundle: { code: await workflowCode() },
      activities: { look, endRun, callModel },
      workflowTaskPollerBehavior: { ...POLLERS, minimum: 2, initial: 2 },
      stickyQueueScheduleToStartTimeout: LIMITS.activityHeartbeatMs,
      maxConcurrentActivityTaskExecutions: LIMITS.workerModelCalls,
      shutdownGraceTime: LIMITS.workerGraceMs,
    });
    const tools = await Worker.create({
      ...shared,
      taskQueue: toolQueueOf(taskQueue),
      activities: { runTool },
      maxConcurrentActivityTaskExecutions: LIMITS.workerToolCalls,
      shutdownGraceTime: 0,
    });
    return [main, tools];
  }
}

/** Runs until all have ended; when one ends, the others are shut down. */
async function runTogether(workers: readonly Worker[]): Promise<void> {
  const runs = workers.map((worker) =>
    worker.run().finally(() => {
      for (const other of workers) shutDown(other);
    }),
  );
  const ends = await Promise.allSettled(runs);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function closeUnused(workers: readonly Worker[]): Promise<void> {
  const runs = workers.map((worker) => worker.run());
  for (const worker of workers) shutDown(worker);
  await Promise.all(runs);
}

function shutDown(worker: Worker): void {
  if (worker.getState() === "RUNNING") worker.shutdown();
}

/** Resolves with the promise, or when the signal aborts. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    promise.then(resolve, reject);
  });
}
