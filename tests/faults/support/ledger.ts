import postgres from "postgres";
import { z } from "zod";
import type { DaemonAddress } from "../../../src/routing/daemon-host.ts";

const Call = z.object({ id: z.string(), name: z.string(), state: z.string() });
const Daemon = z.object({ epoch: z.coerce.number(), gatewayId: z.string().nullable(), connected: z.coerce.boolean() });
const Address = z.object({ userId: z.string(), epoch: z.coerce.number() });
const Count = z.object({ count: z.coerce.number() });

export type LedgerCall = z.output<typeof Call>;
export type LedgerDaemon = z.output<typeof Daemon>;

/** Looks into the database of a stack. It reads only: its transactions are read-only ones. */
export class Ledger implements AsyncDisposable {
  private readonly sql: postgres.Sql;

  constructor(url: string) {
    this.sql = postgres(url, {
      max: 2,
      connection: { default_transaction_read_only: true },
      onnotice: () => undefined,
    });
  }

  /** The tool calls of a chat, in their order. */
  async calls(chatId: string): Promise<LedgerCall[]> {
    const rows = await this
      .sql`select id, name, state from tool_calls where chat_id = ${chatId} order by created_at, id`;
    return z.array(Call).parse([...rows]);
  }

  /** Messages of the model in a chat, the one that is being written included. */
  async answers(chatId: string): Promise<number> {
    const rows = await this
      .sql`select count(*) as count from messages where chat_id = ${chatId} and role = 'assistant'`;
    return Count.parse(rows[0]).count;
  }

  async daemon(daemonId: string): Promise<LedgerDaemon> {
    const rows = await this.sql`select epoch, gateway_id as "gatewayId", connected from daemons where id = ${daemonId}`;
    return Daemon.parse(rows[0]);
  }

  /** Where requests for the daemon go now. */
  async addressOf(daemonId: string): Promise<DaemonAddress> {
    const rows = await this.sql`select user_id as "userId", epoch from daemons where id = ${daemonId}`;
    return { daemonId, ...Address.parse(rows[0]) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.end({ timeout: 1 });
  }
}
