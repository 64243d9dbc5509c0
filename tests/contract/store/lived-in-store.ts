import { newId } from "../../../src/core/ids.ts";
import type { Store } from "../../../src/store/store.ts";
import { aChat, aChatWithCalls, aDaemon, begin, dispatch, say, text } from "./store-verbs.ts";

/** Names by which what {@link liveIn} wrote is found again. */
export interface LivedIn {
  readonly userId: string;
  readonly projectId: string;
  readonly daemonId: string;
  readonly tokenHash: string;
  /** A chat whose run has ended, one in the middle of an answer, and one whose tool runs. */
  readonly doneChatId: string;
  readonly openChatId: string;
  readonly runningChatId: string;
  readonly runningCallId: string;
}

/** Uses every port, so that every table has rows: a release's database as its users have it. */
export async function liveIn(store: Store, nowMs: number): Promise<LivedIn> {
  const { id: userId } = await store.users.findOrCreate({ issuer: "test", subject: "ada", email: "ada@example.com" });
  const tokenHash = "a".repeat(64);
  const tokenId = newId("tok");
  const prefix = "rlnt_pat_ab";
  await store.tokens.create({ id: tokenId, userId, name: "ci", scope: "daemon", prefix, hash: tokenHash });
  const project = await store.projects.findOrCreate({ userId, name: "shop", path: "/home/ada/shop" });
  const daemon = await aDaemon(store, userId, nowMs);
  const { daemonId } = daemon.fence;

  const doneChat = await aChat(store, userId);
  await store.projects.addWorktree({
    ...{ userId, projectId: project.id, chatId: doneChat.id, path: "/home/ada/shop-fix", branch: "fix" },
  });
  const { run } = await say(store, doneChat, "Hello; it's Ada — ünï\ncode");
  const answer = await begin(store, run.id);
  await store.turns.completeAnswer(answer, { state: "complete", blocks: [text("Hi, Ada")] });

  const openChat = await aChat(store, userId);
  const { run: openRun } = await say(store, openChat, "a long story");
  const open = await begin(store, openRun.id);
  await store.turns.saveLiveBlocks(open, [
    {
      chatId: openChat.id,
      messageId: open.messageId,
      blockIndex: 0,
      blockKind: "text",
      attempt: open.attempt,
      text: "Once",
    },
  ]);

  const { chat: runningChat, callIds } = await aChatWithCalls(store, 2, userId);
  const [runningCallId = "", askedCallId = ""] = callIds;
  await dispatch(store, runningCallId, daemonId, nowMs);
  await store.toolCalls.daemonReady(daemon.fence, { toolCallId: runningCallId, journalId: daemon.journalId });
  store.updates.saveLiveOutput({
    ...{ chatId: runningChat.id, toolCallId: runningCallId, channel: "stdout", offset: 0, data: "b3V0", gapBytes: 0 },
  });
  await store.approvals.ask(askedCallId);
  await store.workflows.save({ userId, name: "review", definition: { steps: ["read", "say"] } });
  const chats = { doneChatId: doneChat.id, openChatId: openChat.id, runningChatId: runningChat.id };
  return { userId, projectId: project.id, daemonId, tokenHash, ...chats, runningCallId };
}

/** All of it, as the ports tell it. */
export async function readAll(store: Store, livedIn: LivedIn): Promise<Record<string, unknown>> {
  const { userId, projectId, daemonId, tokenHash, runningCallId } = livedIn;
  const chatIds = [livedIn.doneChatId, livedIn.openChatId, livedIn.runningChatId];
  const ofChats = <T>(read: (chatId: string) => Promise<T>) => Promise.all(chatIds.map(read));
  return {
    user: await store.users.get(userId),
    token: await store.tokens.findByHash(tokenHash),
    project: await store.projects.get(userId, projectId),
    worktrees: await store.projects.listWorktrees(userId, projectId),
    daemon: await store.daemons.find(userId, daemonId),
    workflows: await store.workflows.list(userId),
    chats: await ofChats((chatId) => store.chats.get(userId, chatId)),
    messages: await ofChats((chatId) => store.chats.listMessages({ userId, chatId, afterPosition: 0, limit: 100 })),
    views: await ofChats((chatId) => store.turns.view(chatId)),
    approvals: await ofChats((chatId) => store.approvals.list(userId, chatId)),
    chatUpdates: await ofChats((chatId) => store.updates.chatUpdates(chatId, 0, 100)),
    userUpdates: await store.updates.userUpdates(userId, 0, 100),
    liveBlocks: await ofChats((chatId) => store.updates.liveBlocks(chatId)),
    liveOutput: await ofChats((chatId) => store.updates.liveOutput(chatId)),
    call: await store.toolCalls.get(runningCallId),
  };
}
