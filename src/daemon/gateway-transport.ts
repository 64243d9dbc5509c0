import type { ConnectRequest, ConnectResponse } from "../gen/reliant/v1/daemon_pb.ts";

/**
 * How frames get to a gateway and back. Drivers: connect-transport.ts (HTTP/2); in the monolith a function call.
 * `reached` is called when the peer has given a sign of life, before any frame of it. `frames` ends when the daemon leaves; aborting the signal ends everything at once. The answer throws a ReliantError:
 * `unauthenticated` where the token does not hold, `permission_denied`, `failed_precondition` where no gateway is at that
 * address, `unavailable` for whatever may be better next time.
 */
export interface GatewayTransport {
  connect(
    frames: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
    reached: () => void,
  ): AsyncIterable<ConnectResponse>;
}
