import type { Selectable } from "kysely";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { Accounts, User } from "../users.ts";
import { defined } from "./columns.ts";
import type { Database } from "./database.ts";
import type { Tables } from "./schema.ts";

/** Users over the database. */
export class KyselyAccounts implements Accounts {
  constructor(private readonly database: Database) {}

  async findOrCreate(identity: Parameters<Accounts["findOrCreate"]>[0]): Promise<User> {
    const found = await this.find(identity.issuer, identity.subject);
    if (found !== undefined && (identity.email === undefined || identity.email === found.email)) return toUser(found);
    return this.database.write("make user", async ({ db, nowMs }) => {
      const row = await db
        .insertInto("users")
        .values({
          id: newId("usr"),
          issuer: identity.issuer,
          subject: identity.subject,
          email: identity.email ?? null,
          sequence: 0,
          created_at: nowMs,
        })
        .onConflict((conflict) =>
          conflict.columns(["issuer", "subject"]).doUpdateSet((builder) => ({
            email: builder.fn.coalesce("excluded.email", "users.email"),
          })),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      return toUser(row);
    });
  }

  async get(userId: string): Promise<User> {
    const row = await this.database.read("read user", (db) =>
      db.selectFrom("users").selectAll().where("id", "=", userId).executeTakeFirst(),
    );
    if (row === undefined) throw new ReliantError("not_found", `user ${userId} is not there`);
    return toUser(row);
  }

  private find(issuer: string, subject: string) {
    return this.database.read("find user", (db) =>
      db.selectFrom("users").selectAll().where("issuer", "=", issuer).where("subject", "=", subject).executeTakeFirst(),
    );
  }
}

function toUser(row: Selectable<Tables["users"]>): User {
  return {
    id: row.id,
    issuer: row.issuer,
    subject: row.subject,
    createdAtMs: row.created_at,
    ...defined({ email: row.email }),
  };
}
