import type { Selectable } from "kysely";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { Page, Project, Projects, Worktree } from "../projects.ts";
import { defined } from "./columns.ts";
import { badCursor, pageSize, readCursor, rowLimit, writeCursor } from "./cursors.ts";
import type { Database, Write } from "./database.ts";
import { isDuplicate } from "./database-errors.ts";
import type { Tables } from "./schema.ts";

/** Projects and their worktrees over the database. */
export class KyselyProjects implements Projects {
  constructor(private readonly database: Database) {}

  findOrCreate(project: Parameters<Projects["findOrCreate"]>[0]): Promise<Project> {
    return this.database.write("make project", async ({ db, nowMs }) => {
      await db
        .insertInto("projects")
        .values({
          id: newId("prj"),
          user_id: project.userId,
          name: project.name,
          path: project.path,
          created_at: nowMs,
        })
        .onConflict((conflict) => conflict.columns(["user_id", "path"]).doNothing())
        .execute();
      const row = await db
        .selectFrom("projects")
        .selectAll()
        .where("user_id", "=", project.userId)
        .where("path", "=", project.path)
        .executeTakeFirstOrThrow();
      return toProject(row);
    });
  }

  async get(userId: string, projectId: string): Promise<Project> {
    const row = await this.database.read("read project", (db) =>
      db
        .selectFrom("projects")
        .selectAll()
        .where("id", "=", projectId)
        .where("user_id", "=", userId)
        .executeTakeFirst(),
    );
    if (row === undefined) throw notFound("project", projectId);
    return toProject(row);
  }

  async list(query: Parameters<Projects["list"]>[0]): Promise<Page<Project>> {
    const limit = pageSize(query.limit);
    const after = query.cursor === undefined ? "" : projectCursor(query.cursor);
    const rows = await this.database.read("list projects", (db) =>
      db
        .selectFrom("projects")
        .selectAll()
        .where("user_id", "=", query.userId)
        .where("id", ">", after)
        .orderBy("id")
        .limit(rowLimit(limit + 1))
        .execute(),
    );
    const items = rows.slice(0, limit).map(toProject);
    const last = items.at(-1);
    if (rows.length <= limit || last === undefined) return { items };
    return { items, nextCursor: writeCursor([last.id]) };
  }

  addWorktree(worktree: Parameters<Projects["addWorktree"]>[0]): Promise<Worktree> {
    return this.database.write("add worktree", async (write) => {
      await checkOwner(write, "projects", worktree.userId, worktree.projectId);
      if (worktree.chatId !== undefined) await checkOwner(write, "chats", worktree.userId, worktree.chatId);
      const row = await write.db
        .insertInto("worktrees")
        .values({
          id: newId("wkt"),
          project_id: worktree.projectId,
          chat_id: worktree.chatId ?? null,
          path: worktree.path,
          branch: worktree.branch,
          created_at: write.nowMs,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch((error) => {
          if (!isDuplicate(error)) throw error;
          throw new ReliantError("already_exists", `add worktree: the project has one at ${worktree.path}`, {
            cause: error,
          });
        });
      return toWorktree(row);
    });
  }

  async listWorktrees(userId: string, projectId: string): Promise<readonly Worktree[]> {
    const rows = await this.database.read("list worktrees", (db) =>
      db
        .selectFrom("worktrees")
        .innerJoin("projects", "projects.id", "worktrees.project_id")
        .selectAll("worktrees")
        .where("worktrees.project_id", "=", projectId)
        .where("projects.user_id", "=", userId)
        .orderBy("worktrees.id")
        .execute(),
    );
    // None, or no such project of the user's.
    if (rows.length === 0) await this.get(userId, projectId);
    return rows.map(toWorktree);
  }

  async removeWorktree(userId: string, worktreeId: string): Promise<void> {
    await this.database.write("remove worktree", async ({ db }) => {
      const { numDeletedRows } = await db
        .deleteFrom("worktrees")
        .where("id", "=", worktreeId)
        .where("project_id", "in", (projects) =>
          projects.selectFrom("projects").select("id").where("user_id", "=", userId),
        )
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw notFound("worktree", worktreeId);
    });
  }
}

async function checkOwner({ db }: Write, table: "projects" | "chats", userId: string, id: string): Promise<void> {
  const row = await db
    .selectFrom(table)
    .select("id")
    .where("id", "=", id)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  if (row === undefined) throw notFound(table === "projects" ? "project" : "chat", id);
}

function projectCursor(cursor: string): string {
  const [id] = readCursor(cursor);
  if (typeof id !== "string") throw badCursor();
  return id;
}

function notFound(what: string, id: string): ReliantError {
  return new ReliantError("not_found", `${what} ${id} is not there`);
}

function toProject(row: Selectable<Tables["projects"]>): Project {
  return { id: row.id, userId: row.user_id, name: row.name, path: row.path, createdAtMs: row.created_at };
}

function toWorktree(row: Selectable<Tables["worktrees"]>): Worktree {
  return {
    id: row.id,
    projectId: row.project_id,
    path: row.path,
    branch: row.branch,
    createdAtMs: row.created_at,
    ...defined({ chatId: row.chat_id }),
  };
}
