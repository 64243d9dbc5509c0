import type { Selectable } from "kysely";
import type { JsonObject } from "../../chat/json.ts";
import { newId } from "../../core/ids.ts";
import type { WorkflowDefinition, Workflows } from "../workflows.ts";
import { readJson } from "./columns.ts";
import { type Database, LookAgain } from "./database.ts";
import type { Tables } from "./schema.ts";

/** Definitions of workflows over the database. */
export class KyselyWorkflows implements Workflows {
  constructor(private readonly database: Database) {}

  save(workflow: Parameters<Workflows["save"]>[0]): Promise<WorkflowDefinition> {
    return this.database.write("save workflow", async ({ db, nowMs }) => {
      const newest = await db
        .selectFrom("workflows")
        .select("version")
        .where("user_id", "=", workflow.userId)
        .where("name", "=", workflow.name)
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst();
      const row = await db
        .insertInto("workflows")
        .values({
          id: newId("wfl"),
          user_id: workflow.userId,
          name: workflow.name,
          version: (newest?.version ?? 0) + 1,
          definition: JSON.stringify(workflow.definition),
          created_at: nowMs,
        })
        .onConflict((conflict) => conflict.columns(["user_id", "name", "version"]).doNothing())
        .returningAll()
        .executeTakeFirst();
      // Somebody saved the same name at the same time: theirs is this version.
      if (row === undefined) throw new LookAgain();
      return toDefinition(row);
    });
  }

  async find(userId: string, name: string, version?: number): Promise<WorkflowDefinition | undefined> {
    const row = await this.database.read("read workflow", (db) => {
      const named = db.selectFrom("workflows").selectAll().where("user_id", "=", userId).where("name", "=", name);
      const wanted = version === undefined ? named : named.where("version", "=", version);
      return wanted.orderBy("version", "desc").limit(1).executeTakeFirst();
    });
    return row === undefined ? undefined : toDefinition(row);
  }

  async list(userId: string): Promise<readonly WorkflowDefinition[]> {
    const rows = await this.database.read("list workflows", (db) =>
      db
        .selectFrom("workflows as one")
        .selectAll()
        .where("user_id", "=", userId)
        .where("version", "=", (newest) =>
          newest
            .selectFrom("workflows as other")
            .whereRef("other.user_id", "=", "one.user_id")
            .whereRef("other.name", "=", "one.name")
            .select(({ fn }) => fn.max("other.version").as("version")),
        )
        .orderBy("name")
        .execute(),
    );
    return rows.map(toDefinition);
  }
}

function toDefinition(row: Selectable<Tables["workflows"]>): WorkflowDefinition {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    version: row.version,
    definition: readJson<JsonObject>(row.definition),
    createdAtMs: row.created_at,
  };
}
