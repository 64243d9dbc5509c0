import { newId } from "../../src/core/ids.ts";
import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import type { ConnectResponse } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { CallResult_Ending as Ending, type Offer, Refused_Reason } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { FrameConnection, type RequestFrame } from "./frame-connection.ts";

export interface FrameDaemonOptions {
  readonly userId: string;
  readonly daemonId?: string;
  readonly tokenId?: string;
  readonly instanceId?: string;
  readonly startCount?: number;
  /** Repeats of ready and result. */
  readonly repeatMs?: number;
  /** The tool; the default gives "done" at once. */
  readonly run?: (offer: Offer | undefined, signal: AbortSignal) => Promise<string>;
}

/** Fields of a hello that a test may want otherwise. */
export interface HelloFields {
  readonly daemonId: string;
  readonly userId: string;
  readonly protocolVersion: number;
  readonly minProtocolVersion: number;
  readonly capabilities: string[];
  readonly lastEpoch: bigint;
  readonly startCount: bigint;
}

type Entry =
  | { readonly state: "offered"; readonly offer: Offer }
  | { readonly state: "started"; readonly stop: AbortController }
  | { readonly state: "result" | "acked"; readonly ending: Ending; readonly text: string };

/** Ways to misbehave, and to stand still. */
export interface Knobs {
  /** Takes offers and says nothing. */
  holdReady: boolean;
  /** As a daemon whose queue is full. */
  refuseOffers: boolean;
  /** Takes grants as never come. */
  loseGrants: boolean;
  /** Ends no tool. */
  holdResults: boolean;
}

/** A daemon that speaks frames, with a journal in memory, after the rules of the protocol. It tells what it started. */
export class FrameDaemon {
  readonly daemonId: string;
  readonly userId: string;
  journalId = newId("jrn");
  readonly journal = new Map<string, Entry>();
  /** Ids of the calls that were started, in order. */
  readonly starts: string[] = [];
  readonly knobs: Knobs = { holdReady: false, refuseOffers: false, loseGrants: false, holdResults: false };
  connection: FrameConnection | undefined;
  epoch = 0;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(private readonly options: FrameDaemonOptions) {
    this.daemonId = options.daemonId ?? newId("dmn");
    this.userId = options.userId;
    this.timer = setInterval(() => this.repeat(), options.repeatMs ?? 40);
  }

  /** Says hello until it is welcome. Throws the reason of another refusal, or what the stream ended with. */
  async connect(service: Pick<ToolsDaemonService, "connect">): Promise<FrameConnection> {
    const connection = new FrameConnection(service, this.options);
    connection.send(this.hello());
    const first = await connection.awaitWelcome();
    if (first.kind === "refused") {
      if (first.frame.reason !== Refused_Reason.EPOCH) throw new Error(Refused_Reason[first.frame.reason]);
      this.epoch = Number(first.frame.currentEpoch);
      return this.connect(service);
    }
    this.epoch = Number(first.frame.epoch);
    this.connection = connection;
    const early = connection.received.slice();
    connection.onFrame = (frame) => {
      if (this.connection === connection) this.take(frame);
    };
    for (const frame of early) this.take(frame);
    this.repeat();
    return connection;
  }

  hello(over: Partial<HelloFields> = {}): RequestFrame {
    const { userId, options } = this;
    return {
      case: "hello",
      value: {
        ...{ userId, daemonId: this.daemonId, instanceId: options.instanceId ?? `ins_${this.daemonId}` },
        ...{ journalId: this.journalId, startCount: BigInt(options.startCount ?? 1), lastEpoch: BigInt(this.epoch) },
        ...{ protocolVersion: 1, name: "test", platform: "linux", version: "0" },
        ...over,
      },
    };
  }

  /** Everything that the journal knew is gone, and it says so: a new journal id. */
  loseJournal(): void {
    this.journal.clear();
    this.journalId = newId("jrn");
  }

  /** The process ends in the middle: what had started is gone. */
  crash(): void {
    this.connection?.break();
    this.connection = undefined;
    for (const [id, entry] of this.journal) {
      if (entry.state === "started") this.journal.set(id, { state: "result", ending: Ending.GONE, text: "" });
    }
  }

  send(frame: RequestFrame): void {
    const { connection } = this;
    if (connection !== undefined && !connection.isEnded) connection.send(frame);
  }

  sayReady(toolCallId: string): void {
    const stamp = { wallMs: BigInt(Date.now()), monotonicMs: BigInt(Math.floor(performance.now())) };
    this.send({ case: "ready", value: { toolCallId, journalId: this.journalId, stamp } });
  }

  stop(): void {
    clearInterval(this.timer);
    this.connection?.break();
  }

  private take(frame: ConnectResponse["frame"]): void {
    switch (frame.case) {
      case "offer":
        this.takeOffer(frame.value);
        return;
      case "grant":
        if (!this.knobs.loseGrants) this.start(frame.value.toolCallId);
        return;
      case "withdraw":
        if (this.journal.get(frame.value.toolCallId)?.state === "offered") this.journal.delete(frame.value.toolCallId);
        return;
      case "cancel":
        this.cancel(frame.value.toolCallId);
        return;
      case "ack": {
        const entry = this.journal.get(frame.value.toolCallId);
        if (entry?.state === "result") this.journal.set(frame.value.toolCallId, { ...entry, state: "acked" });
        return;
      }
      case "command":
        this.send({ case: "commandResult", value: { commandId: frame.value.commandId, ok: true } });
        return;
      default:
        return;
    }
  }

  private takeOffer(offer: Offer): void {
    const id = offer.toolCallId;
    const entry = this.journal.get(id);
    if (entry === undefined && this.knobs.refuseOffers) {
      this.send({ case: "offerRefused", value: { toolCallId: id, message: "the queue is full" } });
      return;
    }
    if (entry === undefined || entry.state === "offered") {
      this.journal.set(id, { state: "offered", offer });
      if (!this.knobs.holdReady) this.sayReady(id);
      return;
    }
    if (entry.state !== "started") this.sayResult(id, entry.ending, entry.text);
  }

  private start(id: string): void {
    const entry = this.journal.get(id);
    if (entry?.state !== "offered") return;
    const stop = new AbortController();
    this.journal.set(id, { state: "started", stop });
    this.starts.push(id);
    const run = this.options.run ?? (async () => "done");
    void run(entry.offer, stop.signal).then((text) => {
      if (this.journal.get(id)?.state === "started" && !this.knobs.holdResults) this.end(id, Ending.FINISHED, text);
    });
  }

  private cancel(id: string): void {
    const entry = this.journal.get(id);
    if (entry?.state === "started") {
      entry.stop.abort();
      this.end(id, Ending.CANCELLED, "");
    } else if (entry === undefined || entry.state === "offered") {
      this.end(id, Ending.NOT_STARTED, "");
    }
  }

  private end(id: string, ending: Ending, text: string): void {
    this.journal.set(id, { state: "result", ending, text });
    this.sayResult(id, ending, text);
  }

  private sayResult(toolCallId: string, ending: Ending, text: string): void {
    const { journalId } = this;
    this.send({ case: "result", value: { toolCallId, journalId, ending, result: { text } } });
  }

  private repeat(): void {
    for (const [id, entry] of this.journal) {
      if (entry.state === "offered" && !this.knobs.holdReady) this.sayReady(id);
      if (entry.state === "result") this.sayResult(id, entry.ending, entry.text);
    }
  }
}
