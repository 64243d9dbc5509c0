import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import type { BenchDrivers } from "./bench-part.ts";
import { runBareLedgerCallers } from "./gateway/bare-ledger-callers.ts";
import { runBareLedgerGateway } from "./gateway/bare-ledger-gateway.ts";
import { runBarePart } from "./gateway/bare-part.ts";
import { runCallerPart } from "./gateway/caller-part.ts";
import { runDaemonDriver } from "./gateway/daemon-driver.ts";
import { runGatewayPart } from "./gateway/gateway-part.ts";
import { runJournalDaemons } from "./gateway/journal-daemons.ts";
import { runLedgerCallers } from "./gateway/ledger-callers.ts";
import { runEchoPeer } from "./raw-echo-peer.ts";
import { runRawLedger } from "./raw-ledger.ts";
import { runBareTemporal } from "./raw-temporal.ts";
import { runBareUpdateStreams } from "./raw-update-streams.ts";
import { runStreamHolder } from "./stream-holder.ts";
import { runToolCallDriver } from "./tool-call-driver.ts";

export interface PeerDeps {
  readonly drivers: BenchDrivers;
  readonly clock: Clock;
}

/** Says something to whoever started the peer: a line `<word> <JSON>`. */
export type Say = (word: string, value: unknown) => void;

type Peer = (options: unknown, deps: PeerDeps, say: Say, signal: AbortSignal) => Promise<void>;

/** The processes of a measurement, by their names. Each ends by itself, or when the signal aborts. */
const PEERS: Readonly<Record<string, Peer>> = {
  echo: (options, _, say, signal) => runEchoPeer(options, say, signal),
  "tool-calls": runToolCallDriver,
  streams: (options, _, say, signal) => runStreamHolder(options, say, signal),
  "bare-streams": (_options, _, say, signal) => runBareUpdateStreams(say, signal),
  "gateway-hop": runGatewayPart,
  "gateway-daemons": runDaemonDriver,
  "gateway-bare": runBarePart,
  "gateway-caller": runCallerPart,
  "journal-daemons": runJournalDaemons,
  "ledger-callers": runLedgerCallers,
  "bare-ledger-gateway": (options, _, say, signal) => runBareLedgerGateway(options, say, signal),
  "bare-ledger-callers": (options, _, say) => runBareLedgerCallers(options, say),
  "raw-ledger": (options, _, say) => runRawLedger(options, say),
  "bare-temporal": (options, _, say) => runBareTemporal(options, say),
};

/** Throws `usage` for a name that no peer has. */
export async function runPeer(
  name: string,
  options: unknown,
  deps: PeerDeps,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const peer = PEERS[name];
  if (peer === undefined) throw new ReliantError("usage", `run a peer of the bench: there is no ${name}`);
  await peer(options, deps, say, signal);
}
