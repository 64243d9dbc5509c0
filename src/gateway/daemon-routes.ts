import type { ConnectRouter } from "@connectrpc/connect";
import type { IdentityVerifier } from "../auth/identity.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ToolsDaemonService as Service,
} from "../gen/reliant/v1/daemon_pb.ts";
import { shownError, toConnectError } from "../rpc/connect-errors.ts";
import { authenticate } from "../rpc/identity-gate.ts";
import type { ToolsDaemonService } from "./tools-daemon-service.ts";

export interface DaemonRoutesDeps {
  readonly service: Pick<ToolsDaemonService, "connect">;
  readonly verifier: IdentityVerifier;
}

/**
 * Registers the daemons' service. Whoever connects shows a personal access token with the scope `daemon`. Frames are
 * checked by the service itself: an interceptor that validates them again would only cost.
 */
export function daemonRoutes(deps: DaemonRoutesDeps): (router: ConnectRouter) => void {
  return (router) => {
    router.service(
      Service,
      {
        connect: (frames, context) => connect(deps, frames, context.requestHeader.get("authorization"), context.signal),
      },
      { readMaxBytes: LIMITS.frameBytes, writeMaxBytes: LIMITS.frameBytes },
    );
  };
}

async function* connect(
  { service, verifier }: DaemonRoutesDeps,
  frames: AsyncIterable<ConnectRequest>,
  authorization: string | null,
  signal: AbortSignal,
): AsyncGenerator<ConnectResponse, void, undefined> {
  try {
    const identity = await authenticate(verifier, authorization, "daemon", signal);
    yield* service.connect(frames, { identity, signal });
  } catch (error) {
    throw toConnectError(shownError(error, "connect a daemon", logger("gateway")));
  }
}
