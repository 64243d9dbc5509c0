import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { HopCalls, type OpenCalls } from "./hop-calls.ts";
import { CALLER_OPTIONS, type CallerFacts, type CallerOptions } from "./part-options.ts";

/** Asks for calls as a router does, without a ledger: as fast as so many callers can, or at a steady pace. */
export async function runCallerPart(
  given: unknown,
  { clock }: { readonly clock: Clock },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = CALLER_OPTIONS.parse(given);
  await using closing = new AsyncDisposableStack();
  const wait = { clock, signal };
  const calls = await (options.kind === "hop" ? HopCalls.toDaemons(options, wait) : HopCalls.toEcho(options, wait));
  closing.defer(() => calls.close());
  const drive = new Drive(options, calls.call, clock, signal);
  await drive.run();
  say("calls", drive.facts());
}

/** Calls without an outcome this long after the last was begun have failed. */
const LATE_MS = 5_000;

class Drive {
  private readonly took: number[] = [];
  private failed = 0;
  private open = 0;
  private begun = 0;
  private countFromMs = 0;
  private endMs = 0;
  private countedMs = 0;

  constructor(
    private readonly options: CallerOptions,
    private readonly call: OpenCalls["call"],
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    this.countFromMs = performance.now() + this.options.warmUpMs;
    this.endMs = this.countFromMs + this.options.driveMs;
    const { callers, perSecond } = this.options;
    if (perSecond > 0) await this.atPace(perSecond);
    else await Promise.race([Promise.all(Array.from({ length: callers }, () => this.caller())), this.late()]);
    this.countedMs = performance.now() - this.countFromMs;
    this.failed += this.open;
  }

  /** Throws `failed_precondition` where no call has ended. */
  facts(): CallerFacts {
    if (this.took.length === 0) throw new ReliantError("failed_precondition", "measure calls: not one was answered");
    const sorted = this.took.toSorted((left, right) => left - right);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const perSecond = (1000 * sorted.length) / this.countedMs;
    return { calls: sorted.length, perSecond, failed: this.failed, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  /** Calls at fixed times; one that is begun late counts from when it was due. */
  private async atPace(perSecond: number): Promise<void> {
    const everyMs = 1000 / perSecond;
    for (let dueMs = performance.now(); dueMs < this.endMs && !this.signal.aborted; ) {
      for (; dueMs <= performance.now() && this.open < this.options.callers; dueMs += everyMs) void this.one(dueMs);
      await this.clock.sleep(1, this.signal);
    }
    const giveUpMs = performance.now() + LATE_MS;
    while (this.open > 0 && performance.now() < giveUpMs) await this.clock.sleep(1, this.signal);
  }

  private async caller(): Promise<void> {
    for (let nowMs = performance.now(); nowMs < this.endMs && !this.signal.aborted; nowMs = performance.now()) {
      await this.one(nowMs);
    }
  }

  private async one(dueMs: number): Promise<void> {
    this.begun += 1;
    this.open += 1;
    try {
      await this.call(this.begun);
      if (dueMs >= this.countFromMs) this.took.push(performance.now() - dueMs);
    } catch {
      this.failed += 1;
    }
    this.open -= 1;
  }

  private late(): Promise<void> {
    return this.clock.sleep(this.options.warmUpMs + this.options.driveMs + LATE_MS, this.signal);
  }
}
