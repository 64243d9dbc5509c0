import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import { CallDesk, type DeskEffect } from "../../daemon/call-desk.ts";
import { deskFrame, readGatewayFrame } from "../../daemon/gateway-frames.ts";
import type { Journal } from "../../daemon/journal.ts";
import { ConnectRequestSchema, ConnectResponseSchema } from "../../gen/reliant/v1/daemon_pb.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { METHOD_PATH } from "./daemon-driver.ts";
import { heartbeatFrame, helloFrame } from "./daemon-frames.ts";
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
  welcomed(): void;
  failed(error: Error): void;
}

/**
 * Daemons that decide and journal as production's do, over streams framed by hand; their tool answers at once. Says
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
  const shared: Shared = { options, clock, token, welcomed, failed: over.reject };
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
  private stopped = false;
  private stopTimer: () => void = () => undefined;

  constructor(
    private readonly shared: Shared,
    private readonly daemonId: string,
    private readonly journal: Journal,
  ) {
    const { options, clock, token } = shared;
    this.text = "x".repeat(options.resultBytes);
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
      case "offer":
      case "grant":
      case "withdraw":
      case "cancel":
      case "ack":
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
        default:
          this.stream.send(dataFrame(toBinary(ConnectRequestSchema, deskFrame(effect, this.journal.id))));
      }
    }
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
