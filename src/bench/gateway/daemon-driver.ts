import { readFile } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { newId } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import { ConnectResponseSchema, Refused_Reason } from "../../gen/reliant/v1/daemon_pb.ts";
import { CallFrames, heartbeatFrame, helloFrame, readGatewayFrame } from "./daemon-frames.ts";
import { DRIVER_OPTIONS, type DriverFacts, type DriverOptions, daemonIdOf, TOKEN_PREFIX } from "./part-options.ts";
import { openingBytes } from "./raw-http2.ts";
import { RawStream, type RawStreamEnd } from "./raw-stream.ts";

export const METHOD_PATH = "/reliant.v1.ToolsDaemonService/Connect";
const REPORT_MS = 250;

/** What all daemons of one driver share. */
interface Shared {
  readonly options: DriverOptions;
  readonly clock: Clock;
  readonly calls: CallFrames;
  readonly heartbeat: Buffer;
  readonly journalId: string;
  readonly tokens: readonly string[] | undefined;
  readonly facts: { -readonly [Key in keyof DriverFacts]: DriverFacts[Key] };
  /** A daemon's first attempt has come to an end, well or not. */
  opened(): void;
}

/** Holds `count` daemons connected, each answering calls at once, until the signal aborts; tells how they do at a steady pace. */
export async function runDaemonDriver(
  given: unknown,
  { clock }: { readonly clock: Clock },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = DRIVER_OPTIONS.parse(given);
  const file = options.tokensFile;
  const tokens = file === undefined ? undefined : (await readFile(file, "utf8")).trim().split("\n");
  const journalId = newId("jrn");
  let begun = 0;
  const shared: Shared = {
    ...{ options, clock, tokens, journalId, heartbeat: heartbeatFrame() },
    calls: new CallFrames(journalId, options.resultBytes, newId("call").length),
    facts: { connected: 0, refusedForGood: 0, refusedConnections: 0, resetConnections: 0, endedByServer: 0, losses: 0 },
    opened: () => next(),
  };
  const daemons = Array.from({ length: options.count }, (_, index) => new DrivenDaemon(shared, options.first + index));
  const next = () => {
    const daemon = daemons[begun];
    begun += 1;
    if (!signal.aborted) daemon?.open();
  };
  for (let opening = 0; opening < options.opening; opening++) next();
  const beats = new Beats(daemons, options, clock);
  try {
    while (!signal.aborted) {
      say("facts", shared.facts);
      await clock.sleep(REPORT_MS, signal).catch(() => undefined);
    }
  } finally {
    beats.stop();
    for (const daemon of daemons) daemon.stop();
  }
}

/** Heartbeats of all daemons, spread over their interval: a hundredth of them at a time. */
class Beats {
  private turn = 0;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly daemons: readonly DrivenDaemon[],
    private readonly options: DriverOptions,
    private readonly clock: Clock,
  ) {
    this.arm();
  }

  stop(): void {
    this.stopTimer();
  }

  private arm(): void {
    this.stopTimer = this.clock.after(this.options.heartbeatMs / 100, () => {
      for (let index = this.turn; index < this.daemons.length; index += 100) this.daemons[index]?.beat();
      this.turn = (this.turn + 1) % 100;
      this.arm();
    });
  }
}

class DrivenDaemon {
  private stream: RawStream | undefined;
  private welcomed = false;
  private stopped = false;
  private first = true;
  private attempt = 0;
  private target = 0;
  private lastEpoch = 0;
  private pinged = 0;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly shared: Shared,
    private readonly index: number,
  ) {}

  open(): void {
    const { gateways } = this.shared.options;
    const address = gateways[this.target % gateways.length];
    if (address === undefined || this.stopped) return;
    const opening = Buffer.concat([openingBytes(this.fields(`${address.host}:${address.port}`)), this.hello()]);
    this.stream = RawStream.open(address, opening, {
      message: (bytes) => this.take(bytes),
      ended: (reason) => this.ended(reason),
    });
  }

  beat(): void {
    if (!this.welcomed) return;
    const { heartbeatMs, pingMs } = this.shared.options;
    this.stream?.send(this.shared.heartbeat);
    // Two pings a beat at the usual paces; the pace of pings follows that of the beats.
    for (this.pinged += pingMs === 0 ? 0 : heartbeatMs / pingMs; this.pinged >= 1; this.pinged -= 1)
      this.stream?.ping();
  }

  stop(): void {
    this.stopped = true;
    this.stopTimer();
    this.stream?.close();
  }

  private fields(authority: string): Record<string, string> {
    const token = this.shared.tokens?.[this.index] ?? `${TOKEN_PREFIX}${this.index}`;
    return {
      ...{ ":method": "POST", ":scheme": "http", ":path": METHOD_PATH, ":authority": authority },
      ...{ "content-type": "application/grpc+proto", te: "trailers", authorization: `Bearer ${token}` },
    };
  }

  private hello(): Buffer {
    const daemonId = daemonIdOf(this.index);
    const { journalId } = this.shared;
    return helloFrame({ daemonId, instanceId: `ins_${journalId}`, journalId }, 1, this.lastEpoch);
  }

  private take(bytes: Buffer): void {
    const { calls } = this.shared;
    const frame = readGatewayFrame(bytes);
    switch (frame.kind) {
      case "offer":
        this.stream?.send(calls.readyFor(frame.toolCallId));
        return;
      case "grant":
        this.stream?.send(calls.resultFor(frame.toolCallId));
        return;
      case "welcome":
      case "refused":
        this.takeAnswer(bytes);
        return;
      default:
    }
  }

  private takeAnswer(bytes: Buffer): void {
    const { frame } = fromBinary(ConnectResponseSchema, bytes);
    if (frame.case === "welcome") {
      this.lastEpoch = Number(frame.value.epoch);
      this.welcomed = true;
      this.attempt = 0;
      this.shared.facts.connected += 1;
      this.told();
    }
    if (frame.case === "refused") {
      if (frame.value.reason === Refused_Reason.EPOCH) this.lastEpoch = Number(frame.value.currentEpoch);
      else {
        this.stopped = true;
        this.shared.facts.refusedForGood += 1;
      }
    }
  }

  private ended(reason: RawStreamEnd): void {
    const { facts, clock } = this.shared;
    if (this.welcomed) {
      facts.connected -= 1;
      facts.losses += 1;
    } else if (reason === "refused_connection") facts.refusedConnections += 1;
    else if (reason === "reset_connection") facts.resetConnections += 1;
    else facts.endedByServer += 1;
    this.welcomed = false;
    this.stream = undefined;
    this.told();
    if (this.stopped) return;
    this.target += 1;
    const ms = backoffMs(this.attempt, { baseMs: LIMITS.reconnectBaseMs, maxMs: LIMITS.reconnectMaxMs });
    this.attempt += 1;
    this.stopTimer = clock.after(ms, () => this.open());
  }

  private told(): void {
    if (!this.first) return;
    this.first = false;
    this.shared.opened();
  }
}
