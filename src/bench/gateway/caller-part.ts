import type { Clock } from "../../core/clock.ts";
import { newId } from "../../core/ids.ts";
import type { NatsLink } from "../../nats/nats-connection.ts";
import type { DaemonTransport } from "../../routing/daemon-transport.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { CALLER_OPTIONS, type CallerFacts, type CallerOptions, daemonIdOf, userIdOf } from "./part-options.ts";

/** One call, from its request to its outcome; rejects where it failed. */
type Call = (index: number) => Promise<void>;

/** Asks for calls as a router does, without a ledger: as fast as so many callers can, or at a steady pace. */
export async function runCallerPart(
  given: unknown,
  { clock, drivers }: { readonly clock: Clock; readonly drivers: BenchDrivers },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = CALLER_OPTIONS.parse(given);
  await using closing = new AsyncDisposableStack();
  const link = await drivers.openNats(options.natsUrl, signal);
  closing.defer(() => link.close());
  const transport = drivers.openTransport(link);
  closing.defer(() => transport.close());
  const call = options.kind === "hop" ? hopCalls(options, transport, signal) : echoCalls(options, link);
  const drive = new Drive(options, call, clock, signal);
  await drive.run();
  say("calls", drive.facts());
}

/** The production transport, whose `done` rings are waited for. */
function hopCalls(options: CallerOptions, transport: DaemonTransport, signal: AbortSignal): Call {
  const waiting = new Map<string, () => void>();
  transport.onNews((toolCallId) => waiting.get(toolCallId)?.());
  const inputJson = JSON.stringify({ text: "x".repeat(options.requestBytes) });
  return (index) =>
    new Promise((resolve, reject) => {
      const daemon = index % options.daemons;
      const address = { userId: userIdOf(daemon), daemonId: daemonIdOf(daemon), epoch: 1 };
      const toolCallId = newId("call");
      const names = { userId: address.userId, daemonId: address.daemonId, toolName: "read_file" };
      const request = { toolCallId, chatId: "chat_bench", ...names, inputJson, roots: ["/bench"], timeoutMs: 60_000 };
      const end = (error?: Error) => {
        waiting.delete(toolCallId);
        if (error === undefined) resolve();
        else reject(error);
      };
      waiting.set(toolCallId, end);
      transport.send(address, request, true, signal).then(
        ({ kind }) => {
          if (kind !== "accepted") end(new Error(`the call was answered ${kind}`));
        },
        (error) => end(error),
      );
    });
}

function echoCalls(options: CallerOptions, link: NatsLink): Call {
  const body = "x".repeat(options.requestBytes);
  return async () => void (await link.connection.request(options.subject ?? "", body, { timeout: 10_000 }));
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
    private readonly call: Call,
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

  facts(): CallerFacts {
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
