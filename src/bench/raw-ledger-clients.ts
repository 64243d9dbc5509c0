import postgres from "postgres";
import { ReliantError } from "../core/errors.ts";
import type { CallStatement, RequestedCall } from "./gateway/ledger-options.ts";

/** Recorded statements on bare connections to Postgres, each of which has one under way. */
export class LedgerClients {
  private readonly clients: readonly postgres.Sql[];
  private readonly free: postgres.Sql[];
  private readonly waiting: ((client: postgres.Sql) => void)[] = [];

  /** Each connection is made when it is first used. */
  constructor(databaseUrl: string, connections: number) {
    this.clients = Array.from({ length: connections }, () => createClient(databaseUrl));
    this.free = [...this.clients];
  }

  /**
   * Sends the statements for this call, one after the other on one connection: the one that was used last, or the next
   * that gets free. Throws where one of them finds no row: then it does not do what the recorded one did.
   */
  async replay(statements: readonly CallStatement[], call: Partial<RequestedCall>): Promise<void> {
    const client = this.free.pop() ?? (await new Promise<postgres.Sql>((resolve) => this.waiting.push(resolve)));
    try {
      for (const statement of statements) {
        const rows = await client.unsafe(statement.text, boundOf(statement, call), { prepare: true });
        if (rows.length > 0) continue;
        const told = statement.text.slice(0, 200);
        throw new ReliantError("internal", `replay call ${call.toolCallId}: no row for: ${told}`);
      }
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free.push(client);
      else next(client);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end({ timeout: 2 })));
  }
}

/** What the sender does not know of its call is null, with which its statement finds no row. */
function boundOf({ values }: CallStatement, call: Partial<RequestedCall>): (string | null)[] {
  const ids = { tool_call_id: call.toolCallId, chat_id: call.chatId, daemon_id: call.daemonId };
  return values.map((each) => (each.kind === "as_recorded" ? each.value : (ids[each.kind] ?? null)));
}

/** One connection, with the plans that the store asks for: without them Postgres plans each statement anew. */
function createClient(databaseUrl: string): postgres.Sql {
  return postgres(databaseUrl, {
    ...{ max: 1, fetch_types: false, onnotice: () => undefined },
    types: { int8: { to: 20, from: [20], parse: Number, serialize: String } },
    connection: { plan_cache_mode: "force_generic_plan", random_page_cost: 1.1 },
  });
}
