import { Client, Connection } from "@temporalio/client";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import { ensureNamespace, hasNamespace } from "./namespace.ts";
import { toTemporalError } from "./temporal-errors.ts";
import { connectionOptions, type TemporalSettings } from "./temporal-settings.ts";

/** This process's connection to Temporal as a client. It connects when it is used, and again after each loss. */
export class TemporalConnection {
  readonly client: Client;
  /** Resolves when the namespace is there; rejects only when closed. Until then it is tried again and again. */
  readonly ready: Promise<void>;
  private readonly connection: Connection;
  private readonly closing = new AbortController();
  private isReady = false;
  private lastFault: ReliantError | undefined;

  private constructor(
    readonly settings: TemporalSettings,
    private readonly clock: Clock,
  ) {
    // Without the SDK's own retries: they hide what is wrong, and go on after a close.
    this.connection = Connection.lazy({ ...connectionOptions(settings), interceptors: [] });
    this.client = new Client({ connection: this.connection, namespace: settings.namespace });
    this.ready = this.becomeReady();
    // Whoever needs it awaits it; a close before that is nobody's error.
    this.ready.catch(() => undefined);
  }

  /** Begins to connect and does not wait for it: a Temporal that is away is no reason not to start. */
  static open(settings: TemporalSettings, clock: Clock): TemporalConnection {
    return new TemporalConnection(settings, clock);
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** One call, which may be repeated: tried again while Temporal is away, all within `LIMITS.temporalCallMs`. Errors are ours. */
  async call<T>(act: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const giveUpAtMs = this.clock.now() + LIMITS.temporalCallMs;
    for (let attempt = 0; ; attempt++) {
      if (this.closing.signal.aborted) throw new ReliantError("unavailable", `${act}: the connection is closed`);
      const bounded = () => this.connection.withDeadline(giveUpAtMs, call);
      try {
        return await (signal === undefined ? bounded() : this.connection.withAbortSignal(signal, bounded));
      } catch (thrown) {
        const error = toTemporalError(thrown, `${act} at Temporal ${this.settings.address}`);
        const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
        if (!error.row.retryable || this.clock.now() + waitMs >= giveUpAtMs) throw error;
        const ends = AbortSignal.any([this.closing.signal, ...(signal === undefined ? [] : [signal])]);
        await this.clock.sleep(waitMs, ends).catch(() => {
          throw error;
        });
      }
    }
  }

  /** Rejects where Temporal does not answer or the namespace is not there, with what to do. */
  async check(signal: AbortSignal): Promise<void> {
    const { namespace } = this.settings;
    if (!this.isReady && this.lastFault !== undefined) throw this.lastFault;
    const there = await this.call(
      `find namespace ${namespace}`,
      () => hasNamespace(this.connection.workflowService, namespace),
      signal,
    );
    if (!there) throw new ReliantError("unavailable", `find Temporal namespace ${namespace}: it is not there`);
  }

  async close(): Promise<void> {
    this.closing.abort(new ReliantError("unavailable", "connect to Temporal: closed"));
    await this.ready.catch(() => undefined);
    await this.connection.close();
  }

  private async becomeReady(): Promise<void> {
    const { namespace, address } = this.settings;
    for (let attempt = 0; ; attempt++) {
      this.closing.signal.throwIfAborted();
      try {
        await this.call("prepare the namespace", () => ensureNamespace(this.connection.workflowService, namespace));
        this.isReady = true;
        logger("engine", "temporal").info("connected", { address, namespace });
        return;
      } catch (error) {
        const fault = toTemporalError(error, `connect to Temporal ${address}`);
        if (fault.message !== this.lastFault?.message) {
          logger("engine", "temporal").warning("Temporal not usable yet", { address, namespace, fault: fault.message });
        }
        this.lastFault = fault;
        const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
        await this.clock.sleep(waitMs, this.closing.signal);
      }
    }
  }
}
