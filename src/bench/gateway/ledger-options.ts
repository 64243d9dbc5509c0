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

/** Where in the chain of a call a statement is sent: by the worker, or by the gateway for a frame of its daemon. */
const PLACE = z.enum(["before_request", "ready", "result", "after_reply"]);
export type StatementPlace = z.infer<typeof PLACE>;

/** A parameter: what it was when it was recorded, or a fact of the call that the statement is sent for. */
const VALUE = z.union([
  z.object({ kind: z.literal("as_recorded"), value: z.string().nullable() }),
  z.object({ kind: z.enum(["tool_call_id", "chat_id", "daemon_id"]) }),
]);

/** A statement of a tool call, as one was recorded. */
export const CALL_STATEMENT = z.object({ place: PLACE, text: z.string(), values: z.array(VALUE) });
export type CallStatement = z.infer<typeof CALL_STATEMENT>;

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
  /** One after the other, in one process: each with the number of its callers and calls of its own, and begins when `goFile` is there. */
  runs: z.array(z.object({ callsFile: z.string(), goFile: z.string(), loop: LOOP_OPTIONS })),
});
export type LedgerCallersOptions = z.infer<typeof LEDGER_CALLERS>;

export const BARE_LEDGER_GATEWAY = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  statements: z.array(CALL_STATEMENT),
});
export type BareLedgerGatewayOptions = z.infer<typeof BARE_LEDGER_GATEWAY>;

export const BARE_LEDGER_CALLERS = LEDGER_CALLERS.extend({ statements: z.array(CALL_STATEMENT) });
