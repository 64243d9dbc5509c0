import { LIMITS } from "../../core/limits.ts";
import { LedgerClients } from "../raw-ledger-clients.ts";
import { openBareNats } from "../raw-nats-connection.ts";
import { BareCalls, type BareFrame } from "./bare-calls.ts";
import { BareLedgerCalls } from "./bare-ledger-calls.ts";
import { type BareStream, openBareServer } from "./bare-server.ts";
import { aborted } from "./gateway-part.ts";
import { BARE_LEDGER_GATEWAY } from "./ledger-options.ts";

/**
 * The gateway of the bare chain: NATS, connect-node and Postgres by their libraries, and the recorded statements. No
 * tokens, no heartbeats, no bounds. Says its port, and runs until the signal aborts; throws what a statement throws.
 */
export async function runBareLedgerGateway(
  given: unknown,
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const { natsUrl, databaseUrl, statements } = BARE_LEDGER_GATEWAY.parse(given);
  const nats = await openBareNats(natsUrl);
  const ledger = new LedgerClients(databaseUrl, LIMITS.postgresConnections);
  const broken = Promise.withResolvers<never>();
  const byPlace = Object.groupBy(statements, ({ place }) => place);
  const calls = new BareLedgerCalls(new BareCalls(nats), ledger, byPlace, broken.reject);
  await nats.flush();
  const server = await openBareServer((put) => openStream(put, calls), signal);
  say("listening", { port: server.port });
  await Promise.race([aborted(signal), broken.promise]);
  server.close();
  await Promise.all([nats.close(), ledger.close()]);
}

function openStream(put: (frame: BareFrame) => void, calls: BareLedgerCalls): BareStream {
  let daemonId = "";
  return {
    take: (message) => {
      if (message.frame.case === "hello") {
        daemonId = message.frame.value.daemonId;
        put({ case: "welcome", value: { daemonId, epoch: 1n } });
      }
      calls.take(daemonId, message, put);
    },
    ended: () => undefined,
  };
}
