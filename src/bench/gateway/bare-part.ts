import type { Clock } from "../../core/clock.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { BareCalls, type BareFrame } from "./bare-calls.ts";
import { type BareStream, openBareServer } from "./bare-server.ts";
import { aborted } from "./gateway-part.ts";
import { BARE_OPTIONS } from "./part-options.ts";

/**
 * What the gateway is measured against: a program of connect-node and nothing else, which welcomes each stream, beats as
 * the gateway does and passes calls on; and an echo over NATS. Says its port, and runs until the signal aborts.
 */
export async function runBarePart(
  given: unknown,
  { clock, drivers }: { readonly clock: Clock; readonly drivers: BenchDrivers },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = BARE_OPTIONS.parse(given);
  await using closing = new AsyncDisposableStack();
  const link = await drivers.openNats(options.natsUrl, signal);
  closing.defer(() => link.close());
  link.connection.subscribe(options.subject, { callback: (_, message) => void message.respond(message.data) });
  const calls = new BareCalls(link.connection);
  await link.flush();
  const server = await openBareServer((put) => openStream(put, calls, options.heartbeatMs, clock), signal);
  say("listening", { port: server.port });
  await aborted(signal);
  server.close();
}

function openStream(put: (frame: BareFrame) => void, calls: BareCalls, heartbeatMs: number, clock: Clock): BareStream {
  put({ case: "welcome", value: { epoch: 1n } });
  let sequence = 0n;
  let stopTimer: () => void = () => undefined;
  const beat = () => {
    stopTimer = clock.after(heartbeatMs, () => {
      sequence += 1n;
      put({ case: "heartbeat", value: { sequence } });
      beat();
    });
  };
  beat();
  return {
    take: (message) => {
      calls.take(message, put);
      // A command's result is sent back as a heartbeat: the ping-pong of the raw parts.
      if (message.frame.case === "commandResult") put({ case: "heartbeat", value: { sequence: 1n } });
    },
    ended: () => stopTimer(),
  };
}
