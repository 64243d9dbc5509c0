import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChat, aChatWithCalls, aUser, errorOf, updatesOf } from "./store-verbs.ts";

describeOnStores("users", (open) => {
  test("a user is made on first sight, once, however many look at the same time", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const identity = { issuer: "https://id.example", subject: "42", email: "a@example.com" };
    const users = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other).users.findOrCreate(identity)),
    );
    expect(new Set(users.map(({ id }) => id)).size).toBe(1);
    const [user] = users;
    expect(await store.users.get(user?.id ?? "")).toMatchObject(identity);
    const renamed = await store.users.findOrCreate({ ...identity, email: "b@example.com" });
    expect(renamed).toMatchObject({ id: user?.id ?? "", email: "b@example.com" });
    const { email: _, ...bare } = identity;
    expect((await store.users.findOrCreate(bare)).email).toBe("b@example.com");
    expect((await errorOf(store.users.get("usr_nobody"))).code).toBe("not_found");
  });
});

describeOnStores("tokens", (open) => {
  test("a token is found by its hash until it is revoked or expires", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const make = (hash: string, expiresAtMs?: number) =>
      store.tokens.create({
        ...{ id: newId("tok"), userId, name: "ci", scope: "daemon", prefix: "rlnt_pat_ab", hash },
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      });
    const kept = await make("hash-1");
    const revoked = await make("hash-2");
    const expired = await make("hash-3", clock.now() - 1);
    expect(await store.tokens.findByHash("hash-1")).toEqual(kept);
    expect(await store.tokens.findByHash("hash-9")).toBeUndefined();
    expect(await store.tokens.list(userId)).toEqual([kept, revoked, expired]);

    const first = await store.tokens.revoke(userId, revoked.id);
    clock.advance(1000);
    expect(await store.tokens.revoke(userId, revoked.id)).toEqual(first);
    expect(first.revokedAtMs).toBeNumber();
    const asked = [kept.id, revoked.id, expired.id, "tok_unknown"];
    expect(await store.tokens.invalidAmong(asked, clock.now())).toEqual(
      new Set([revoked.id, expired.id, "tok_unknown"]),
    );
    expect(await store.tokens.invalidAmong([], clock.now())).toEqual(new Set());
    const stranger = await aUser(store);
    expect((await errorOf(store.tokens.revoke(stranger, kept.id))).code).toBe("not_found");
  });

  test("a flood with one unknown token is one lookup at a time, and keeps no other token out", async () => {
    await using db = await open();
    const { store } = db;
    const token = { id: newId("tok"), userId: await aUser(store), name: "ci", scope: "api" } as const;
    const kept = await store.tokens.create({ ...token, prefix: "rlnt_pat_ef", hash: "known" });
    const flood = () =>
      Array.from({ length: LIMITS.storeBatchWaiting * 0.75 }, () => store.tokens.findByHash("unknown"));
    const first = flood();
    await Promise.all(first.slice(0, 2));
    const second = flood();
    expect(await store.tokens.findByHash("known")).toEqual(kept);
    expect(new Set(await Promise.all([...first, ...second]))).toEqual(new Set([undefined]));
  });

  test("creating a token again is the same token, and its id or hash is nobody else's", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const token = { id: newId("tok"), userId, name: "ci", scope: "api", prefix: "rlnt_pat_cd", hash: "h" } as const;
    expect(await store.tokens.create(token)).toEqual(await store.tokens.create(token));
    expect((await errorOf(store.tokens.create({ ...token, hash: "other" }))).code).toBe("already_exists");
    expect((await errorOf(store.tokens.create({ ...token, id: newId("tok") }))).code).toBe("already_exists");
  });
});

describeOnStores("projects", (open) => {
  test("a user has one project at a path, and pages through them", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const at = (path: string) => store.projects.findOrCreate({ userId, name: path, path });
    const [one, again] = await Promise.all([at("/one"), at("/one")]);
    expect(again).toEqual(one);
    const two = await at("/two");
    const first = await store.projects.list({ userId, limit: 1 });
    expect(first.items).toEqual([one]);
    const second = await store.projects.list({ userId, limit: 1, cursor: first.nextCursor ?? "" });
    expect(second).toEqual({ items: [two] });
    expect(await store.projects.get(userId, two.id)).toEqual(two);
    expect((await errorOf(store.projects.get(await aUser(store), two.id))).code).toBe("not_found");
  });

  test("worktrees are kept apart by path and guarded by their project's user", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const chat = await aChat(store, userId);
    const { id: projectId } = await store.projects.findOrCreate({ userId, name: "app", path: "/app" });
    const wanted = { userId, projectId, path: "/app-fix", branch: "fix", chatId: chat.id };
    const made = await store.projects.addWorktree(wanted);
    expect(made).toMatchObject({ path: "/app-fix", branch: "fix", chatId: chat.id });
    const twice = await errorOf(store.projects.addWorktree(wanted));
    expect(twice).toEqual({ code: "already_exists", message: "add worktree: the project has one at /app-fix" });
    const stranger = await aUser(store);
    expect((await errorOf(store.projects.addWorktree({ ...wanted, userId: stranger }))).code).toBe("not_found");
    expect((await errorOf(store.projects.removeWorktree(stranger, made.id))).code).toBe("not_found");
    expect(await store.projects.listWorktrees(userId, projectId)).toEqual([made]);
    await store.projects.removeWorktree(userId, made.id);
    expect(await store.projects.listWorktrees(userId, projectId)).toEqual([]);
    expect((await errorOf(store.projects.removeWorktree(userId, made.id))).code).toBe("not_found");
  });
});

describeOnStores("workflows", (open) => {
  test("each save is the next version, also when several save at the same time", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const userId = await aUser(store);
    const saved = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? store : other).workflows.save({ userId, name: "review", definition: { index } }),
      ),
    );
    expect(saved.map(({ version }) => version).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
    const newest = saved.find(({ version }) => version === 6);
    expect(await store.workflows.find(userId, "review")).toEqual(newest);
    expect((await store.workflows.find(userId, "review", 2))?.version).toBe(2);
    expect(await store.workflows.find(userId, "review", 7)).toBeUndefined();
    const build = await store.workflows.save({ userId, name: "build", definition: { steps: [] } });
    expect((await store.workflows.list(userId)).map(({ id }) => id)).toEqual([build.id, newest?.id ?? ""]);
    expect(await store.workflows.list(await aUser(store))).toEqual([]);
  });
});

describeOnStores("approvals", (open) => {
  test("a call is asked about once, and the first decision stays", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const [asked, again] = await Promise.all([store.approvals.ask(toolCallId), store.approvals.ask(toolCallId)]);
    expect(again).toEqual(asked);
    expect(asked).toMatchObject({ state: "pending", chatId: chat.id, toolCallId });
    const decision = { userId, approvalId: asked.id, state: "denied", reason: "not on my machine" } as const;
    const decided = await store.approvals.decide(decision);
    expect(decided).toMatchObject({ state: "denied", reason: "not on my machine" });
    expect(await store.approvals.decide(decision)).toEqual(decided);
    expect((await errorOf(store.approvals.decide({ ...decision, state: "approved" }))).code).toBe("conflict");
    const stranger = await aUser(store);
    expect((await errorOf(store.approvals.decide({ ...decision, userId: stranger }))).code).toBe("not_found");
    expect(await store.approvals.list(userId, chat.id)).toEqual([decided]);
    expect((await errorOf(store.approvals.ask("call_unknown"))).code).toBe("not_found");
    const told = (await updatesOf(store, chat.id)).slice(-2).map(({ event }) => event);
    expect(told).toMatchObject([
      { toolCallId, state: "requested" },
      { toolCallId, state: "requested" },
    ]);
  });
});
