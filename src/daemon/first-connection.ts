import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import type { HelloFields } from "./gateway-frames.ts";
import { GatewayLink } from "./gateway-link.ts";
import type { Welcome } from "./gateway-session.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import type { Journal } from "./journal.ts";

/**
 * Connects once and leaves: proves that the token holds, and learns whose it is and which daemon id this machine has. No
 * call is taken. Throws at the first failure, without another attempt.
 */
export async function connectOnce(options: {
  readonly transport: GatewayTransport;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly hello: HelloFields;
  readonly signal: AbortSignal;
}): Promise<Welcome> {
  const leave = new AbortController();
  const stop = () => leave.abort();
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  let welcome: Welcome | undefined;
  let failure = "cancelled";
  const link = new GatewayLink({
    ...options,
    runningIds: () => [],
    isBusy: () => false,
    listener: {
      connected: (_, first) => {
        welcome = first;
        stop();
      },
      frame: () => {},
      unknown: () => {},
      disconnected: () => {},
      waiting: (reason) => {
        failure = reason;
        stop();
      },
    },
  });
  try {
    await link.run(leave.signal);
  } finally {
    options.signal.removeEventListener("abort", stop);
  }
  if (welcome !== undefined) return welcome;
  throw new ReliantError(options.signal.aborted ? "cancelled" : "unavailable", failure, {
    hint: "check the gateway's address, its TLS mode, and that it runs",
  });
}
