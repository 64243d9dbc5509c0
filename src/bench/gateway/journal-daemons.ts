import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock, Stamp } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import { CallDesk, type DeskEffect } from "../../daemon/call-desk.ts";
import { deskFrame, readGatewayFrame } from "../../daemon/gateway-frames.ts";
import type { Invocation, Journal } from "../../daemon/journal.ts";
import { ConnectRequestSchema, ConnectResponseSchema } from "../../gen/reliant/v1/daemon_pb.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { METHOD_PATH } from "./daemon-driver.ts";
import { CallFrames, heartbeatFrame, helloFrame, readGatewayFrame as readKind } from "./daemon-frames.ts";
import { aborted } from "./gateway-part.ts";
import { JOURNAL_DAEMONS, type JournalDaemonsOptions } from "./ledger-options.ts";
import { daemonIdOf } from "./part-options.ts";
import { dataFrame, openingBytes } from "./raw-http2.ts";
import { RawStream } from "./raw-stream.ts";

/** What all daemons of one process share. */
interface Shared {
  readonly options: JournalDaemonsOptions;
  readonly clock: Clock;
  readonly token: string;
  /** Of the first offer: what is asked for is always the same. */
  invocation: Invocation | undefined;
  welcomed(): void;
  failed(error: Error): void;
}

/**
 * Daemons that decide and journal as production's do, over streams and frames made by hand; their tool answers at once. Says
 * `connected` when all are, and holds them until the signal aborts. Throws where one of them loses its gateway.
 */
export async function runJournalDaemons(
  given: unknown,
  { clock, drivers }: { readonly clock: Clock; readonly drivers: BenchDrivers },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = JOURNAL_DAEMONS.parse(given);
  await using closing = new AsyncDisposableStack();
  const token = (await readFile(options.tokenFile, "utf8")).trim();
  await mkdir(options.folder, { recursive: true });
  const over = Promise.withResolvers<void>();
  let missing = options.count;
  const welcomed = () => {
    missing -= 1;
    if (missing === 0) say("connected", { daemons: options.count });
  };
  const shared: Shared = { options, clock, token, invocation: undefined, welcomed, failed: over.reject };
  for (let index = 0; index < options.count; index++) {
    const daemonId = daemonIdOf(options.first + index);
    const journal = drivers.openJournal(join(options.folder, `${daemonId}.db`));
    closing.defer(() => journal.close());
    const daemon = new JournalDaemon(shared, daemonId, journal);
    closing.defer(() => daemon.stop());
  }
  await Promise.race([aborted(signal), over.promise]);
}

class JournalDaemon {
  private readonly desk: CallDesk;
  private readonly stream: RawStream;
  private readonly connection = newId("ins");
  private readonly text: string;
  private readonly frames: CallFrames;
  /** When each call that waits for its grant said that it is ready: the frame made by hand does not carry it. */
  private readonly readyAt = new Map<string, Stamp>();
  private stopped = false;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly shared: Shared,
    private readonly daemonId: string,
    private readonly journal: Journal,
  ) {
    const { options, clock, token } = shared;
    this.text = "x".repeat(options.resultBytes);
    this.frames = new CallFrames(journal.id, options.resultBytes, newId("call").length);
    this.desk = CallDesk.open({ journal, clock, denies: () => undefined });
    const fields = {
      ...{
        ":method": "POST",
        ":scheme": "http",
        ":path": METHOD_PATH,
        ":authority": `${options.host}:${options.port}`,
      },
      ...{ "content-type": "application/grpc+proto", te: "trailers", authorization: `Bearer ${token}` },
    };
    const identity = { daemonId, instanceId: this.connection, journalId: journal.id };
    const opening = Buffer.concat([openingBytes(fields), helloFrame(identity, journal.startCount, 0)]);
    this.stream = RawStream.open(options, opening, {
      message: (bytes) => this.take(bytes),
      ended: (reason) => {
        if (!this.stopped) shared.failed(new ReliantError("unavailable", `hold ${daemonId}: its stream is ${reason}`));
      },
    });
  }

  stop(): void {
    this.stopped = true;
    this.stopTimer();
    this.stream.close();
  }

  private take(bytes: Buffer): void {
    const { desk, connection } = this;
    const frame = readKind(bytes);
    switch (frame.kind) {
      case "offer": {
        this.shared.invocation ??= invocationOf(bytes);
        const { invocation } = this.shared;
        this.perform(desk.take(connection, { kind: "offer", toolCallId: textOf(frame.toolCallId), invocation }));
        return;
      }
      case "grant": {
        const toolCallId = textOf(frame.toolCallId);
        const stamp = this.readyAt.get(toolCallId);
        this.readyAt.delete(toolCallId);
        this.perform(desk.take(connection, { kind: "grant", toolCallId, stamp }));
        return;
      }
      case "ack":
        this.perform(desk.take(connection, { kind: "ack", toolCallId: textOf(frame.toolCallId) }));
        return;
      default:
        this.takeOther(bytes);
    }
  }

  private takeOther(bytes: Buffer): void {
    const frame = readGatewayFrame(fromBinary(ConnectResponseSchema, bytes));
    switch (frame.kind) {
      case "welcome":
        this.perform(this.desk.connected(this.connection, []));
        this.beat();
        this.shared.welcomed();
        return;
      case "refused":
        this.shared.failed(new ReliantError("internal", `connect ${this.daemonId}: refused: ${frame.message}`));
        return;
      case "withdraw":
      case "cancel":
        this.perform(this.desk.take(this.connection, frame));
        return;
      default:
    }
  }

  private perform(effects: readonly DeskEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "run":
          this.perform(this.desk.toolEnded(effect.toolCallId, "finished", { text: this.text, isError: false }));
          break;
        case "end_tool":
          break;
        case "send_ready":
          this.readyAt.set(effect.toolCallId, effect.stamp);
          this.stream.send(this.frames.readyFor(Buffer.from(effect.toolCallId)));
          break;
        case "send_result":
          if (effect.ending === "finished") this.stream.send(this.frames.resultFor(Buffer.from(effect.toolCallId)));
          else this.sendEncoded(effect);
          break;
        default:
          this.sendEncoded(effect);
      }
    }
  }

  private sendEncoded(effect: Parameters<typeof deskFrame>[0]): void {
    this.stream.send(dataFrame(toBinary(ConnectRequestSchema, deskFrame(effect, this.journal.id))));
  }

  /** With each beat what is due is said again: rarely anything, because nothing gets lost here. */
  private beat(): void {
    this.stopTimer = this.shared.clock.after(this.shared.options.heartbeatMs, () => {
      this.stream.send(heartbeatFrame());
      this.perform(this.desk.due());
      this.beat();
    });
  }
}

function invocationOf(offer: Uint8Array): Invocation {
  const frame = readGatewayFrame(fromBinary(ConnectResponseSchema, offer));
  if (frame.kind === "offer") return frame.invocation;
  throw new ReliantError("internal", `read an offer: it is a ${frame.kind}`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
