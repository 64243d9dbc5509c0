import postgres from "postgres";
import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { driveClosedLoop, LOOP_OPTIONS } from "./closed-loop.ts";
import { readCalls } from "./gateway/ledger-options.ts";

/** A parameter: what it was when it was recorded, or a fact of the call that the statement is sent for. */
const VALUE = z.union([
  z.object({ kind: z.literal("as_recorded"), value: z.string().nullable() }),
  z.object({ kind: z.enum(["tool_call_id", "chat_id", "daemon_id"]) }),
]);
const STATEMENT = z.object({ text: z.string(), values: z.array(VALUE) });
/** A statement of a tool call, as one was recorded. */
export type CallStatement = z.infer<typeof STATEMENT>;

const OPTIONS = z.object({
  databaseUrl: z.string(),
  callsFile: z.string(),
  statements: z.array(STATEMENT),
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
  const clients = Array.from({ length: loop.callers }, () => openClient(databaseUrl));
  const free = [...clients];
  const facts = await driveClosedLoop(
    calls,
    async ({ toolCallId, chatId, daemonId }) => {
      const client = free.pop();
      if (client === undefined) throw new ReliantError("internal", "replay a call: no connection is free");
      const ids = { tool_call_id: toolCallId, chat_id: chatId, daemon_id: daemonId };
      for (const { text, values } of statements) {
        const bound = values.map((each) => (each.kind === "as_recorded" ? each.value : ids[each.kind]));
        const rows = await client.unsafe(text, bound, { prepare: true });
        if (rows.length === 0) {
          throw new ReliantError("internal", `replay call ${toolCallId}: no row for: ${text.slice(0, 200)}`);
        }
      }
      free.push(client);
    },
    loop,
  );
  say("calls", facts);
  await Promise.all(clients.map((client) => client.end({ timeout: 2 })));
}

/** One connection, with the plans that the store asks for: without them Postgres plans each statement anew. */
function openClient(databaseUrl: string): postgres.Sql {
  return postgres(databaseUrl, {
    ...{ max: 1, fetch_types: false, onnotice: () => undefined },
    types: { int8: { to: 20, from: [20], parse: Number, serialize: String } },
    connection: { plan_cache_mode: "force_generic_plan", random_page_cost: 1.1 },
  });
}
