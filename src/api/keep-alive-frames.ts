import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import * as pb from "../gen/reliant/v1/update_pb.ts";
import { writeAsideKey } from "../rpc/write-aside.ts";

/**
 * The sign of life of an update stream as it stands on the wire. Connect, gRPC and gRPC-Web frame a message alike: a byte of
 * flags (none: it is not compressed), its length, itself (https://connectrpc.com/docs/protocol#streaming-request).
 */
export class KeepAliveFrames {
  private readonly binary: Uint8Array;
  private readonly json: Uint8Array;

  constructor() {
    const message = create(pb.StreamUserUpdatesResponseSchema, {
      update: { case: "keepAlive", value: create(pb.KeepAliveSchema) },
    });
    this.binary = encodeEnvelope(0, toBinary(pb.StreamUserUpdatesResponseSchema, message));
    this.json = encodeEnvelope(0, Buffer.from(toJsonString(pb.StreamUserUpdatesResponseSchema, message)));
  }

  /** Sends one beside the messages of that call, in its format. */
  beatOf(context: Pick<HandlerContext, "values" | "requestHeader">): () => void {
    const write = context.values.get(writeAsideKey);
    const frame = /\+json\b/.test(context.requestHeader.get("content-type") ?? "") ? this.json : this.binary;
    return () => write(frame);
  }
}
