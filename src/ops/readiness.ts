import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { within } from "../core/within.ts";

/** One thing that a process needs. Rejects with what is wrong. */
export type Check = (signal: AbortSignal) => Promise<void>;

export type CheckState = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, CheckState>>;
}

/**
 * Whether a process may be given work: every check by name. A check that does not answer within `LIMITS.readyCheckMs`
 * fails; answers are kept for `LIMITS.readyHoldMs`, so that a storm of probes asks once.
 */
export class ReadinessChecks {
  private readonly checks = new Map<string, Check>();
  private latest: { readonly atMs: number; readonly answer: Promise<Readiness> } | undefined;
  private draining = false;

  constructor(private readonly clock: Clock) {}

  /** Adds a check, or takes the place of the one of that name: a connection that is being made is a check that says so. */
  set(name: string, check: Check): void {
    this.checks.set(name, check);
    this.latest = undefined;
  }

  /** From now on the answer is: not ready. */
  drain(): void {
    this.draining = true;
  }

  async ask(): Promise<Readiness> {
    if (this.draining) return { ready: false, checks: { process: { ok: false, reason: "it is stopping" } } };
    const nowMs = this.clock.now();
    if (this.latest === undefined || nowMs - this.latest.atMs >= LIMITS.readyHoldMs) {
      this.latest = { atMs: nowMs, answer: this.askAll() };
    }
    return this.latest.answer;
  }

  private async askAll(): Promise<Readiness> {
    const states = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await this.stateOf(name, check)] as const),
    );
    return { ready: states.every(([, state]) => state.ok), checks: Object.fromEntries(states) };
  }

  private async stateOf(name: string, check: Check): Promise<CheckState> {
    const ends = new AbortController();
    try {
      await within(check(ends.signal), { ms: LIMITS.readyCheckMs, act: `check ${name}`, clock: this.clock });
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    } finally {
      ends.abort();
    }
  }
}

/** A check of something that is not there yet. */
export function connecting(what: () => string): Check {
  return () => Promise.reject(new Error(what()));
}
