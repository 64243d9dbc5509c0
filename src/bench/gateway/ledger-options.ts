import { readFile } from "node:fs/promises";
import { z } from "zod";
import { LOOP_OPTIONS } from "../closed-loop.ts";

/** One call that stands in the ledger as requested, and the daemon that it goes to. */
const REQUESTED_CALL = z.object({ toolCallId: z.string(), chatId: z.string(), daemonId: z.string() });
export type RequestedCall = z.infer<typeof REQUESTED_CALL>;

/** The calls of a file that was written with `JSON.stringify`. */
export async function readCalls(path: string): Promise<readonly RequestedCall[]> {
  return z.array(REQUESTED_CALL).parse(JSON.parse(await readFile(path, "utf8")));
}

/** Daemons with journals of their own, on a gateway that checks tokens. */
export const JOURNAL_DAEMONS = z.object({
  host: z.string(),
  port: z.int(),
  /** One token, which all of them show. */
  tokenFile: z.string(),
  /** Where the journals lie: a file each. */
  folder: z.string(),
  /** The number of the first daemon, and how many; their ids are made from it. */
  first: z.int(),
  count: z.int(),
  heartbeatMs: z.int(),
  resultBytes: z.int(),
});
export type JournalDaemonsOptions = z.infer<typeof JOURNAL_DAEMONS>;

export const LEDGER_CALLERS = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  userId: z.string(),
  /** One after the other, in one process: each with the number of its callers and calls of its own. */
  runs: z.array(z.object({ callsFile: z.string(), loop: LOOP_OPTIONS })),
});
export type LedgerCallersOptions = z.infer<typeof LEDGER_CALLERS>;
