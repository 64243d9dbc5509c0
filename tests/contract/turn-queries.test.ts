import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createActivities } from "../../src/activities/activities.ts";
import { chooseDaemonFrom } from "../../src/activities/choose-daemon.ts";
import { openPostgresTap } from "../../src/bench/postgres-tap.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import type { DaemonTransport } from "../../src/routing/daemon-transport.ts";
import { LedgerDaemonRouter } from "../../src/routing/ledger-daemon-router.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../src/store/store.ts";
import { createToolCatalog } from "../../src/tools/catalog.ts";
import { FakeModel, textAnswer, toolAnswer } from "../support/fake-model.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store/store-drivers.ts";
import { aDaemon, aUser } from "./store/store-verbs.ts";

setDefaultTimeout(60_000);

/**
 * Statements that Postgres is sent for one run with one tool call, `begin` and `commit` included: at most so many. Whoever
 * needs one more raises the number here, knowing what it costs each user at each turn.
 */
const AT_MOST = {
  "making the chat": 6,
  "accepting the message": 6,
  "making a chat with its first message": 7,
  "looking what to do": 1,
  "asking the model": 22,
  "bringing the tool call to its outcome, the gateway's part included": 22,
  "asking the model for its last answer, which ends the run": 23,
} as const;

describe("the statements of a run with one tool call", () => {
  let driver: StoreDriver | undefined;
  beforeAll(async () => {
    driver = await STORE_DRIVERS.find(({ name }) => name === "postgres")?.start();
  });
  afterAll(async () => {
    await driver?.[Symbol.asyncDispose]();
  });

  test("are at most those of the table, step by step", async () => {
    if (driver === undefined) throw new Error("the postgres driver was not started");
    await using db = await driver.open();
    await using tap = await openPostgresTap(db.options.url ?? "");
    const signal = AbortSignal.timeout(30_000);
    const options = { driver: "postgres", url: tap.url, clock: systemClock, announce: () => undefined } as const;
    const store = await openStore({ ...options, signal });
    try {
      const counts = await countSteps(store, () => sum(tap.take()));
      expect(Object.keys(counts)).toEqual(Object.keys(AT_MOST));
      for (const [step, most] of Object.entries(AT_MOST)) {
        expect(counts[step], step).toBeGreaterThan(0);
        expect(counts[step], step).toBeLessThanOrEqual(most);
      }
    } finally {
      await store.close();
    }
  });
});

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

async function countSteps(store: Store, take: () => number): Promise<Record<string, number>> {
  const userId = await aUser(store);
  const { fence, journalId } = await aDaemon(store, userId, Date.now());
  const { id: projectId } = await store.projects.findOrCreate({ userId, name: "shop", path: "/home/ada/shop" });
  const model = new FakeModel([toolAnswer({ name: "read_file", input: { path: "note.txt" } }), textAnswer("done")]);
  const steps = createActivities({
    ...{ store, models: model, tools: createToolCatalog(), clock: systemClock },
    router: new LedgerDaemonRouter({ store, clock: systemClock, transport: answering(store, fence, journalId) }),
    chooseDaemon: chooseDaemonFrom(store.daemons, systemClock),
    hub: { publish: () => undefined },
  });
  const context = { cancelled: new AbortController().signal, stopping: new AbortController().signal };
  const counts: Record<string, number> = {};
  const counted = async <T>(step: keyof typeof AT_MOST, act: () => Promise<T>): Promise<T> => {
    take();
    const value = await act();
    counts[step] = take();
    return value;
  };
  const chatId = newId("chat");
  await counted("making the chat", () =>
    store.chats.create({ id: chatId, userId, projectId, title: "t", model: "scripted/x" }),
  );
  await counted("accepting the message", async () => {
    const blocks = [{ kind: "text", text: "read it" }] as const;
    const { outboxId } = await store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks });
    await store.outbox.done([outboxId ?? ""]);
  });
  await counted("making a chat with its first message", async () => {
    const chat = { id: newId("chat"), userId, projectId, title: "t", model: "scripted/x" };
    const blocks = [{ kind: "text", text: "read it" }] as const;
    const { outboxId } = await store.chats.start(chat, { messageId: newId("msg"), blocks });
    await store.outbox.done([outboxId ?? ""]);
  });
  const { run } = await counted("looking what to do", () => steps.look({ chatId }));
  const runId = run?.id ?? "";
  const asked = await counted("asking the model", () =>
    steps.callModel({ chatId, runId, messageId: newId("msg") }, context),
  );
  const toolCallId = asked.answer?.openToolCallIds[0] ?? "";
  await counted("bringing the tool call to its outcome, the gateway's part included", () =>
    steps.runTool({ chatId, runId, toolCallId }, context),
  );
  const ended = await counted("asking the model for its last answer, which ends the run", () =>
    steps.callModel({ chatId, runId, messageId: newId("msg") }, context),
  );
  expect(ended).toEqual({ chatId, unanswered: false });
  return counts;
}

/** A gateway whose daemon answers at once: the ledger's two moves, and the ring. */
function answering(
  store: Store,
  fence: { readonly daemonId: string; readonly epoch: number },
  journalId: string,
): DaemonTransport {
  let tell: Parameters<DaemonTransport["onNews"]>[0] = () => undefined;
  return {
    canCarry: true,
    onNews: (listener) => {
      tell = listener;
      return () => undefined;
    },
    send: async (_, { toolCallId }) => {
      await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
      const result = { text: "hello", isError: false };
      await store.toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished", result });
      tell(toolCallId, "done");
      return { kind: "accepted" };
    },
    cancel: async () => false,
    isOnline: async () => true,
    command: async () => undefined,
    check: async () => undefined,
    close: async () => undefined,
  };
}
