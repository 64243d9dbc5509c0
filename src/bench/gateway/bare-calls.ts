import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import type { ConnectRequest, ConnectResponseSchema } from "../../gen/reliant/v1/daemon_pb.ts";
import {
  ToolExecutionReply_Status as Status,
  ToolExecutionReplySchema,
  ToolExecutionRequestSchema,
} from "../../gen/reliant/v1/tool_pb.ts";
import type { NatsMessage, NatsPeer } from "../../nats/nats-peer.ts";

export type BareFrame = NonNullable<MessageInitShape<typeof ConnectResponseSchema>["frame"]>;
type Put = (frame: BareFrame) => void;

/** Requests to the first epoch of any daemon. */
const REQUESTS = "tools.request.sync.*.*.1";

/**
 * The frames and messages of a call over NATS and connect-node, and nothing else: each offer is granted and each result is
 * the outcome. No epochs, no bounds, no checks, no journal of who waits: what the libraries alone take for the hop.
 */
export class BareCalls {
  private readonly daemons = new Map<string, Put>();
  private readonly asked = new Map<string, NatsMessage>();

  constructor(connection: Pick<NatsPeer, "subscribe">) {
    connection.subscribe(REQUESTS, { callback: (_, message) => this.offer(message) });
  }

  /** A frame of one daemon's stream; what is answered goes out by `put`. */
  take({ frame }: ConnectRequest, put: Put): void {
    switch (frame.case) {
      case "hello":
        this.daemons.set(frame.value.daemonId, put);
        return;
      case "ready":
        put({ case: "grant", value: { toolCallId: frame.value.toolCallId } });
        return;
      case "result":
        put({ case: "ack", value: { toolCallId: frame.value.toolCallId } });
        this.done(frame.value.toolCallId);
        return;
      default:
    }
  }

  private offer(message: NatsMessage): void {
    const { toolCallId, daemonId, invocation } = fromJsonString(ToolExecutionRequestSchema, message.string());
    this.asked.set(toolCallId, message);
    this.daemons.get(daemonId)?.({
      case: "offer",
      value: { toolCallId, ...(invocation === undefined ? {} : { invocation }) },
    });
  }

  private done(toolCallId: string): void {
    const reply = create(ToolExecutionReplySchema, { toolCallId, status: Status.DONE });
    this.asked.get(toolCallId)?.respond(toJsonString(ToolExecutionReplySchema, reply));
    this.asked.delete(toolCallId);
  }
}
