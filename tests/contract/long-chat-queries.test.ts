import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fillChat, fillOthers, rowsRead } from "../../src/bench/raw-big-chat.ts";
import { WATCHED_ACTS } from "../../src/bench/store-acts.ts";
import { STORE_DRIVERS, type StoreDriver, type StoreUnderTest } from "./store/store-drivers.ts";
import { aChat, aUser, begin, say, text } from "./store/store-verbs.ts";

setDefaultTimeout(120_000);

const SHORT = 10;
/** Opening shows the newest page, which has to be full in both. */
const PAGE_FULL = 100;
const LONG = 10_000;
/** Old versions of rows that were just written are read along until they are swept: so many may differ. */
const SLACK_ROWS = 10;
const OTHER_CHATS = 1_000;

describe("a chat of 10,000 messages costs what a short one does, in rows that Postgres reads", () => {
  let driver: StoreDriver | undefined;
  let db: StoreUnderTest | undefined;
  let chats: { readonly userId: string; readonly short: string; readonly pageFull: string; readonly long: string };

  beforeAll(async () => {
    driver = await STORE_DRIVERS.find(({ name }) => name === "postgres")?.start();
    db = await driver?.open();
    if (db === undefined) throw new Error("the postgres driver was not started");
    const userId = await aUser(db.store);
    await fillOthers(urlOf(db), userId, OTHER_CHATS);
    const filled = async (messages: number) => (db === undefined ? "" : chatOf(db, userId, messages));
    chats = { userId, short: await filled(SHORT), pageFull: await filled(PAGE_FULL), long: await filled(LONG) };
  });
  afterAll(async () => {
    await db?.[Symbol.asyncDispose]();
    await driver?.[Symbol.asyncDispose]();
  });

  for (const act of WATCHED_ACTS.filter(({ mayBe }) => mayBe === "flat")) {
    const isPaged = act.flatFrom !== undefined;
    const than = isPaged ? `of ${PAGE_FULL}, because ${act.flatFrom?.because}` : `of ${SHORT}`;
    test(`for ${act.name}: one ${than}`, async () => {
      if (db === undefined) throw new Error("the store was not opened");
      const rows: number[] = [];
      for (const chatId of [isPaged ? chats.pageFull : chats.short, chats.long]) {
        await act.prepare?.(db.store, chats.userId, chatId);
        rows.push(await rowsOf(db, (own) => act.act(own, chats.userId, chatId)));
        await act.settle?.(db.store, chats.userId, chatId);
      }
      const [short = 0, long = 0] = rows;
      expect(short).toBeGreaterThan(0);
      expect(long).toBeLessThanOrEqual(short + SLACK_ROWS);
    });
  }

  test("but for reading the context, which is all of it", async () => {
    if (db === undefined) throw new Error("the store was not opened");
    const { store } = db;
    const reading = WATCHED_ACTS.find(({ mayBe }) => mayBe === "linear");
    await reading?.prepare?.(store, chats.userId, chats.long);
    const rows = await rowsOf(db, async (own) => reading?.act(own, chats.userId, chats.long));
    await reading?.settle?.(store, chats.userId, chats.long);
    expect(rows).toBeGreaterThan(2 * LONG);
    expect(rows).toBeLessThan(2.2 * LONG);
  });
});

function urlOf(db: StoreUnderTest): string {
  if (db.options.url === undefined) throw new Error("the store has no address");
  return db.options.url;
}

/** Rows that the work reads: by a store of its own, because a session tells what it has read when it ends. */
async function rowsOf(db: StoreUnderTest, work: (own: StoreUnderTest["store"]) => Promise<unknown>): Promise<number> {
  const before = await rowsRead(urlOf(db));
  const own = await db.openAnother();
  await work(own);
  await own.close();
  return (await rowsRead(urlOf(db))) - before;
}

async function chatOf(db: StoreUnderTest, userId: string, messages: number): Promise<string> {
  const chat = await aChat(db.store, userId);
  const { run } = await say(db.store, chat, "begin");
  const answer = await begin(db.store, run.id);
  const fence = { messageId: answer.messageId, attempt: answer.attempt };
  await db.store.turns.completeAnswer(fence, { state: "complete", blocks: [text("begun")] });
  await fillChat(urlOf(db), chat.id, messages);
  return chat.id;
}
