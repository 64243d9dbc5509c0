import type { IdentityVerifier } from "../../auth/identity.ts";
import type { Clock } from "../../core/clock.ts";
import { newId } from "../../core/ids.ts";
import { logger } from "../../core/logger.ts";
import { daemonRoutes } from "../../gateway/daemon-routes.ts";
import { daemonStream } from "../../gateway/daemon-stream.ts";
import { ToolsDaemonService } from "../../gateway/tools-daemon-service.ts";
import { createMessageCheck } from "../../routing/message-check.ts";
import { openRpcServer } from "../../rpc/rpc-server.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { memoryGatewayStore } from "./memory-gateway-store.ts";
import { GATEWAY_OPTIONS, TOKEN_PREFIX, userIdOf } from "./part-options.ts";

const verifier: IdentityVerifier = {
  verify: async (token) => {
    const number = token.slice(TOKEN_PREFIX.length);
    return { userId: userIdOf(Number(number)), scope: "daemon", tokenId: `tok_${number}` };
  },
};

/** A gateway's parts as in production, over a store that keeps nothing. Says its port, and runs until the signal aborts. */
export async function runGatewayPart(
  given: unknown,
  { clock, drivers }: { readonly clock: Clock; readonly drivers: BenchDrivers },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = GATEWAY_OPTIONS.parse(given);
  const log = logger("gateway");
  await using closing = new AsyncDisposableStack();
  const link = await drivers.openNats(options.natsUrl, signal);
  closing.defer(() => link.close());
  const store = memoryGatewayStore();
  const check = createMessageCheck();
  const hub = { publish: () => undefined };
  const service = new ToolsDaemonService({ gatewayId: newId("gtw"), store, hub, check, clock, log });
  const bridge = drivers.openBridge({ link, host: service, toolCalls: store.toolCalls, check, clock, log });
  bridge.start();
  service.start();
  const server = await openRpcServer({
    ...{ name: "daemons", port: 0, bindAddress: "127.0.0.1", clock },
    routes: daemonRoutes({ service, verifier }),
    streams: [daemonStream({ service, verifier })],
  });
  say("listening", { port: server.port });
  await aborted(signal);
  await service.close();
  await server.close(0);
  bridge.close();
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
