import { create } from "@bufbuild/protobuf";
import { BoundedQueue } from "../../../src/core/bounded-queue.ts";
import type { GatewayTransport } from "../../../src/daemon/gateway-transport.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type Hello,
} from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { settle } from "../../support/manual-clock.ts";

/** A connection of the transport in memory. */
export class FakeConnection {
  readonly received: ConnectRequest["frame"][] = [];
  readonly out = new BoundedQueue<ConnectResponse>(1000);
  /** True when the daemon has closed its side. */
  closed = false;
  aborted = false;

  send(frame: ConnectResponse["frame"]): void {
    this.out.push(create(ConnectResponseSchema, { frame }));
  }

  get hello(): Hello | undefined {
    const [first] = this.received;
    return first?.case === "hello" ? first.value : undefined;
  }

  count(kind: ConnectRequest["frame"]["case"]): number {
    return this.received.filter((frame) => frame.case === kind).length;
  }
}

/** Gateways in memory: what `answer` gives is said to each hello. */
export class FakeGateway implements GatewayTransport {
  readonly connections: FakeConnection[] = [];
  /** Where set, connecting fails with it: nobody is there, or (reached) a gateway says so. */
  failure: Error | undefined;
  reachedFailure: Error | undefined;
  /** True: connections are taken, and nothing is ever said on them. */
  silent = false;
  /** True: nothing comes back at all, as from a network that drops everything. */
  dead = false;
  /** Sent right behind every welcome. */
  behindWelcome: ConnectResponse["frame"] | undefined;
  private epoch = 0;

  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("no connection yet");
    return last;
  }

  async *connect(
    frames: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
    reached: () => void,
  ): AsyncGenerator<ConnectResponse> {
    const connection = new FakeConnection();
    this.connections.push(connection);
    if (this.reachedFailure !== undefined) reached();
    const failure = this.reachedFailure ?? this.failure;
    if (failure !== undefined) throw failure;
    if (!this.dead) reached();
    signal.addEventListener("abort", () => {
      connection.aborted = true;
      connection.out.close();
    });
    void this.read(connection, frames);
    yield* connection.out;
  }

  welcome(connection: FakeConnection): void {
    this.epoch++;
    const daemonId = connection.hello?.daemonId || "dmn_given";
    connection.send(
      create(ConnectResponseSchema, {
        frame: {
          case: "welcome",
          value: { daemonId, epoch: BigInt(this.epoch), gatewayId: "gtw_1", userId: "usr_1", protocolVersion: 1 },
        },
      }).frame,
    );
    if (this.behindWelcome !== undefined) connection.send(this.behindWelcome);
  }

  private async read(connection: FakeConnection, frames: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const { frame } of frames) {
      connection.received.push(frame);
      if (frame.case === "hello" && !this.silent && !this.dead) this.welcome(connection);
    }
    connection.closed = true;
    connection.out.close();
    await settle();
  }
}
