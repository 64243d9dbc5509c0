import { type Selectable, sql } from "kysely";
import { Batches } from "../../core/batches.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Token, Tokens } from "../tokens.ts";
import { defined } from "./columns.ts";
import type { Database } from "./database.ts";
import { idList } from "./id-lists.ts";
import type { Tables } from "./schema.ts";

/** Personal access tokens over the database. */
export class KyselyTokens implements Tokens {
  private readonly lookups: Batches<string, Token | undefined>;

  constructor(private readonly database: Database) {
    this.lookups = new Batches({
      ...{ act: "find token", maxItems: LIMITS.storeBatch, maxWaiting: LIMITS.storeBatchWaiting },
      ...{ maxAlone: LIMITS.storeBatchAlone, keyOf: (hash) => hash, shared: true },
      together: (hashes) => this.findTogether(hashes),
      alone: async (hash) => (await this.findTogether([hash]))[0],
    });
  }

  async create(token: Parameters<Tokens["create"]>[0]): Promise<Token> {
    return this.database.write("create token", async ({ db, nowMs }) => {
      await db
        .insertInto("personal_access_tokens")
        .values({
          id: token.id,
          user_id: token.userId,
          name: token.name,
          scope: token.scope,
          prefix: token.prefix,
          hash: token.hash,
          created_at: nowMs,
          expires_at: token.expiresAtMs ?? null,
          revoked_at: null,
        })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
      const row = await db
        .selectFrom("personal_access_tokens")
        .selectAll()
        .where("id", "=", token.id)
        .executeTakeFirstOrThrow();
      if (row.user_id !== token.userId || row.hash !== token.hash) {
        throw new ReliantError("already_exists", `create token ${token.id}: the id is taken`);
      }
      return toToken(row);
    });
  }

  async list(userId: string): Promise<readonly Token[]> {
    const rows = await this.database.read("list tokens", (db) =>
      db.selectFrom("personal_access_tokens").selectAll().where("user_id", "=", userId).orderBy("id").execute(),
    );
    return rows.map(toToken);
  }

  revoke(userId: string, tokenId: string): Promise<Token> {
    return this.database.write("revoke token", async ({ db, nowMs }) => {
      const row = await db
        .updateTable("personal_access_tokens")
        .set((token) => ({ revoked_at: token.fn.coalesce("revoked_at", token.val(nowMs)) }))
        .where("id", "=", tokenId)
        .where("user_id", "=", userId)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) throw new ReliantError("not_found", `token ${tokenId} is not there`);
      return toToken(row);
    });
  }

  findByHash(hash: string, signal?: AbortSignal): Promise<Token | undefined> {
    return this.lookups.do(hash, signal);
  }

  async invalidAmong(tokenIds: readonly string[], nowMs: number): Promise<ReadonlySet<string>> {
    if (tokenIds.length === 0) return new Set();
    const list = JSON.stringify(tokenIds);
    const ids =
      this.database.driver === "postgres"
        ? sql`json_array_elements_text(${list}::text::json) as asked(id)`
        : sql`(select value as id from json_each(${list})) as asked`;
    const { rows } = await this.database.read("check tokens", (db) =>
      sql<{ id: string }>`
        select asked.id from ${ids}
        left join personal_access_tokens token on token.id = asked.id and token.revoked_at is null
          and (token.expires_at is null or token.expires_at > ${nowMs})
        where token.id is null`.execute(db),
    );
    return new Set(rows.map(({ id }) => id));
  }

  private async findTogether(hashes: readonly string[]): Promise<readonly (Token | undefined)[]> {
    const rows = await this.database.read("find tokens", (db) =>
      db
        .selectFrom("personal_access_tokens")
        .selectAll()
        .where("hash", "in", idList(this.database.driver, hashes))
        .execute(),
    );
    const byHash = new Map(rows.map((row) => [row.hash, toToken(row)]));
    return hashes.map((hash) => byHash.get(hash));
  }
}

function toToken(row: Selectable<Tables["personal_access_tokens"]>): Token {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    scope: row.scope,
    prefix: row.prefix,
    createdAtMs: row.created_at,
    ...defined({ expiresAtMs: row.expires_at, revokedAtMs: row.revoked_at }),
  };
}
