import { existsSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { TRIAL_LIMITS } from "../../core/trial-limits.ts";
import type { ToolRequest } from "../../routing/daemon-router.ts";
import { pollUntil } from "../../stack/poll-until.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { driveClosedLoop } from "../closed-loop.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import { LEDGER_CALLERS, type LedgerCallersOptions, type RequestedCall, readCalls } from "./ledger-options.ts";

/** Time of the tool itself: more than any of these calls is on its way. */
export const TIMEOUT_MS = 60_000;
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
  const act = async (requested: RequestedCall) => {
    const call = await router.sendToolRequestSync(requestOf(requested, userId), signal);
    if (call.state !== "succeeded") {
      throw new ReliantError("internal", `call a daemon of the bench: it is ${call.state}: ${call.result?.text}`);
    }
  };
  await driveRuns(runs, act, say);
}

/** What is asked of the daemon for this call. */
export function requestOf(call: RequestedCall, userId: string): ToolRequest {
  return { ...call, userId, toolName: "read_file", roots: ["/bench"], inputJson: INPUT, timeoutMs: TIMEOUT_MS };
}

/** One run after the other, each with calls of its own, in its turn; says each one's facts. */
export async function driveRuns(
  runs: LedgerCallersOptions["runs"],
  act: (call: RequestedCall) => Promise<void>,
  say: (word: string, value: unknown) => void,
): Promise<void> {
  for (const [index, { callsFile, goFile, loop }] of runs.entries()) {
    const calls = await readCalls(callsFile);
    await pollUntil("the turn of this run", () => existsSync(goFile), { timeoutMs: TRIAL_LIMITS.benchPartMs });
    say(wordOfRun(index), await driveClosedLoop(calls, act, loop));
  }
}
