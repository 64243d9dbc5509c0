import { z } from "zod";
import { driveClosedLoop, LOOP_OPTIONS } from "./closed-loop.ts";
import { CALL_STATEMENT, readCalls } from "./gateway/ledger-options.ts";
import { LedgerClients } from "./raw-ledger-clients.ts";

const OPTIONS = z.object({
  databaseUrl: z.string(),
  callsFile: z.string(),
  statements: z.array(CALL_STATEMENT),
  /** `callers`: so many connections, each with one statement under way. */
  loop: LOOP_OPTIONS,
});
export type RawLedgerOptions = z.infer<typeof OPTIONS>;

/**
 * Bare Postgres: the statements of each call, one after the other, on connections that do nothing else. Says `calls` with
 * the loop's facts. Throws where a statement finds no row: then it does not do what the recorded one did.
 */
export async function runRawLedger(given: unknown, say: (word: string, value: unknown) => void): Promise<void> {
  const { databaseUrl, callsFile, statements, loop } = OPTIONS.parse(given);
  const calls = await readCalls(callsFile);
  const clients = new LedgerClients(databaseUrl, loop.callers);
  say("calls", await driveClosedLoop(calls, (call) => clients.replay(statements, call), loop));
  await clients.close();
}
