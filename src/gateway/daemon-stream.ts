import type { IdentityVerifier } from "../auth/identity.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { ToolsDaemonService as Service } from "../gen/reliant/v1/daemon_pb.ts";
import { shownError } from "../rpc/connect-errors.ts";
import type { GrpcCall, GrpcPeer, GrpcStreamMethod } from "../rpc/grpc-stream.ts";
import { authenticate } from "../rpc/identity-gate.ts";
import { FrameBytes } from "./frame-bytes.ts";
import { FrameReader } from "./frame-reader.ts";
import { Inlet } from "./inlet.ts";
import { Outbound } from "./outbound.ts";
import type { ToolsDaemonService } from "./tools-daemon-service.ts";

export interface DaemonStreamDeps {
  readonly service: Pick<ToolsDaemonService, "attach">;
  readonly verifier: IdentityVerifier;
}

/** The daemons' method for plain gRPC, which is what daemons speak; the other protocols go through `daemonRoutes`. */
export function daemonStream(deps: DaemonStreamDeps): GrpcStreamMethod {
  const bytes = new FrameBytes();
  const reader = new FrameReader();
  return {
    path: `/${Service.typeName}/${Service.method.connect.name}`,
    maxMessageBytes: LIMITS.frameBytes,
    maxFirstMessageBytes: LIMITS.helloBytes,
    open: (call) => new DaemonStream(deps, call, bytes, reader),
  };
}

class DaemonStream implements GrpcPeer {
  private readonly inlet = new Inlet();
  private readonly outbound = new Outbound();
  private readonly left = new AbortController();

  constructor(
    { service, verifier }: DaemonStreamDeps,
    call: GrpcCall,
    private readonly bytes: FrameBytes,
    private readonly reader: FrameReader,
  ) {
    this.outbound.read(call);
    const { signal } = this.left;
    authenticate(verifier, call.header("authorization") ?? null, "daemon", signal).then(
      (identity) => {
        void service.attach(this.inlet, this.outbound, { identity, signal });
        call.admit();
      },
      (error: unknown) => this.outbound.cut(error),
    );
  }

  take(message: Uint8Array): Promise<void> | undefined {
    // What comes after the end has no effect, and is not worth reading.
    return this.outbound.isClosed ? undefined : this.inlet.take(this.reader.of(message));
  }

  finished(): void {
    this.inlet.finished();
  }

  next(): Uint8Array | "wait" | "end" {
    const frame = this.outbound.take();
    return typeof frame === "string" ? frame : this.bytes.of(frame);
  }

  failure(): ReliantError | undefined {
    const { failure } = this.outbound;
    return failure === undefined ? undefined : shownError(failure, "connect a daemon", logger("gateway"));
  }

  gone(): void {
    this.left.abort(new ReliantError("cancelled", "the daemon's connection has ended"));
    this.outbound.cut();
    this.inlet.failed(new ReliantError("cancelled", "the daemon's connection has ended"));
  }
}
