import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { driveClosedLoop } from "../closed-loop.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import { LEDGER_CALLERS, type RequestedCall, readCalls } from "./ledger-options.ts";

/** Time of the tool itself: more than any of these calls is on its way. */
const TIMEOUT_MS = 60_000;
const INPUT = JSON.stringify({ path: "x".repeat(PAYLOAD_BYTES) });

/** The word for what came of a run. */
export function wordOfRun(index: number): string {
  return `run-${index}`;
}

/** Asks for calls as a worker does, each from its request to its outcome in the ledger. Says each run's facts. */
export async function runLedgerCallers(
  given: unknown,
  { drivers }: { readonly drivers: BenchDrivers; readonly clock: Clock },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const { natsUrl, databaseUrl, userId, runs } = LEDGER_CALLERS.parse(given);
  await using closing = new AsyncDisposableStack();
  const nats = await drivers.openNats(natsUrl, signal);
  closing.defer(() => nats.close());
  const store = await drivers.openStore(databaseUrl, signal);
  closing.defer(() => store.close());
  const router = drivers.openRouter(store, nats);
  closing.defer(() => router.close());
  const act = async ({ toolCallId, chatId, daemonId }: RequestedCall) => {
    const request = { toolCallId, chatId, userId, daemonId, toolName: "read_file", roots: ["/bench"] };
    const call = await router.sendToolRequestSync({ ...request, inputJson: INPUT, timeoutMs: TIMEOUT_MS }, signal);
    if (call.state !== "succeeded") {
      throw new ReliantError("internal", `call a daemon of the bench: it is ${call.state}: ${call.result?.text}`);
    }
  };
  for (const [index, { callsFile, loop }] of runs.entries()) {
    say(wordOfRun(index), await driveClosedLoop(await readCalls(callsFile), act, loop));
  }
}
