import type { Selectable } from "kysely";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { Approval, Approvals } from "../approvals.ts";
import { lockChat } from "./chat-lock.ts";
import { defined } from "./columns.ts";
import type { Database, Write } from "./database.ts";
import { numberChatUpdates } from "./numbers.ts";
import { addToOutbox } from "./outbox-rows.ts";
import type { Tables } from "./schema.ts";
import { toolCallUpdate } from "./tool-call-rows.ts";

type ApprovalRow = Selectable<Tables["approvals"]>;

/** Approvals over the database. Asking and deciding are changes of the chat, told as its tool call's. */
export class KyselyApprovals implements Approvals {
  constructor(private readonly database: Database) {}

  ask(toolCallId: string): Promise<Approval> {
    return this.database.write("ask for approval", async (write) => {
      const { db, nowMs } = write;
      const call = await db
        .selectFrom("tool_calls")
        .select(["chat_id", "user_id"])
        .where("id", "=", toolCallId)
        .executeTakeFirst();
      if (call === undefined) throw new ReliantError("not_found", `tool call ${toolCallId} is not there`);
      await lockChat(write, call.chat_id);
      const found = await db
        .selectFrom("approvals")
        .selectAll()
        .where("tool_call_id", "=", toolCallId)
        .executeTakeFirst();
      if (found !== undefined) return toApproval(found);
      const row: ApprovalRow = {
        ...{ id: newId("apr"), chat_id: call.chat_id, user_id: call.user_id, tool_call_id: toolCallId },
        ...{ state: "pending", reason: null, created_at: nowMs, decided_at: null },
      };
      await db.insertInto("approvals").values(row).execute();
      await tellOfCall(write, row);
      return toApproval(row);
    });
  }

  decide(decision: Parameters<Approvals["decide"]>[0]): Promise<Approval> {
    return this.database.write("decide approval", async (write) => {
      const { db } = write;
      const seen = await this.find(write, decision.userId, decision.approvalId);
      await lockChat(write, seen.chat_id);
      const row = await db
        .updateTable("approvals")
        .set({ state: decision.state, reason: decision.reason ?? null, decided_at: write.nowMs })
        .where("id", "=", decision.approvalId)
        .where("state", "=", "pending")
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) return stands(await this.find(write, decision.userId, decision.approvalId), decision);
      await addToOutbox(write, "wake", row.chat_id);
      await tellOfCall(write, row);
      return toApproval(row);
    });
  }

  async list(userId: string, chatId: string): Promise<readonly Approval[]> {
    const rows = await this.database.read("list approvals", (db) =>
      db
        .selectFrom("approvals")
        .selectAll()
        .where("chat_id", "=", chatId)
        .where("user_id", "=", userId)
        .orderBy("id")
        .execute(),
    );
    return rows.map(toApproval);
  }

  private async find({ db }: Write, userId: string, approvalId: string): Promise<ApprovalRow> {
    const row = await db
      .selectFrom("approvals")
      .selectAll()
      .where("id", "=", approvalId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    if (row === undefined) throw new ReliantError("not_found", `approval ${approvalId} is not there`);
    return row;
  }
}

function stands(row: ApprovalRow, decision: { readonly state: Approval["state"] }): Approval {
  if (row.state === decision.state) return toApproval(row);
  throw new ReliantError("conflict", `decide approval ${row.id}: it was ${row.state} already`);
}

async function tellOfCall(write: Write, approval: ApprovalRow): Promise<void> {
  const call = await write.db
    .selectFrom("tool_calls")
    .select(["id", "message_id", "name", "daemon_id", "state"])
    .where("id", "=", approval.tool_call_id)
    .executeTakeFirstOrThrow();
  await numberChatUpdates(write, approval.chat_id, [toolCallUpdate(call, call.state)]);
}

function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id,
    chatId: row.chat_id,
    toolCallId: row.tool_call_id,
    state: row.state,
    createdAtMs: row.created_at,
    ...defined({ reason: row.reason, decidedAtMs: row.decided_at }),
  };
}
