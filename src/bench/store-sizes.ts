import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { Store } from "../store/store.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { type Growth, median, type PartReport, timeOf } from "./figures.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { chatBytes, fillChat, fillOthers, rowsRead } from "./raw-big-chat.ts";
import { WATCHED_ACTS, type WatchedAct } from "./store-acts.ts";
import { measureWriteQueue } from "./write-queue-load.ts";

/** Messages of one chat: a new one, a long one, and one that no screen shows any more. */
const SIZES = [10, 1_000, 10_000] as const;
const OTHER_CHATS = 3_000;
const TIMES = 15;

export const STORE_SIZES: BenchPart = {
  name: "store",
  says: "a chat of 10, 1,000 and 10,000 messages: opening it, sending one more, a turn; the write queue under load",
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureStore,
};

interface AtSize {
  readonly size: number;
  readonly bytes: number;
  /** By the name of the act: rows that Postgres read for it, and milliseconds. */
  readonly rows: ReadonlyMap<string, number>;
  readonly ms: ReadonlyMap<string, number>;
}

async function measureStore(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const user = await installation.signUp("ada");
  await fillOthers(installation.databaseUrl, user.id, OTHER_CHATS);
  const points: AtSize[] = [];
  for (const size of SIZES) points.push(await measureAt(installation, user.id, size));
  const queue = await measureWriteQueue(installation, user.id);
  const growths = WATCHED_ACTS.flatMap((act) => [
    growthOf(points, act, "rows read", "rows", ({ rows }) => rows.get(act.name) ?? 0),
    growthOf(points, act, "time", "ms", ({ ms }) => ms.get(act.name) ?? 0),
  ]);
  const size = growthOf(points, { name: "a chat's size", mayBe: "linear" }, "bytes", "bytes", ({ bytes }) => bytes);
  const last = points.at(-1);
  return {
    figures: [
      {
        ...{ id: "store.chat_bytes", what: `a chat of ${last?.size} messages of 400 characters, in its rows` },
        ...{ value: (last?.bytes ?? 0) / 1e6, unit: "MB" },
      },
      ...queue,
    ],
    growths: [size, ...growths],
  };
}

function growthOf(
  points: readonly AtSize[],
  act: Pick<WatchedAct, "name" | "mayBe" | "flatFrom">,
  what: string,
  unit: string,
  value: (at: AtSize) => number,
): Growth {
  return {
    ...{ id: `store.${act.name}.${unit}`, what: `${act.name}, ${what}`, unit, of: "messages", mayBe: act.mayBe },
    flatFrom: act.flatFrom,
    points: points.map((at) => ({ size: at.size, value: value(at) })),
  };
}

async function measureAt(installation: Installation, userId: string, size: number): Promise<AtSize> {
  const { databaseUrl, store } = installation;
  const bytes = await chatBytes(databaseUrl, await bigChat(installation, userId, size));
  const rows = new Map<string, number>();
  const ms = new Map<string, number>();
  for (const act of WATCHED_ACTS) {
    // Each has a chat of its own, because acts make it longer.
    const chat = await bigChat(installation, userId, size);
    rows.set(act.name, await rowsOf(installation, act, userId, chat));
    const took: number[] = [];
    for (let done = 0; done < TIMES; done++) {
      await act.prepare?.(store, userId, chat);
      took.push(await timeOf(() => act.act(store, userId, chat)));
      await act.settle?.(store, userId, chat);
    }
    ms.set(act.name, median(took));
  }
  return { size, bytes, rows, ms };
}

/** With a store of its own, because a session tells what it has read when it ends. */
async function rowsOf(
  { world, databaseUrl, store }: Installation,
  act: WatchedAct,
  userId: string,
  chatId: string,
): Promise<number> {
  await act.prepare?.(store, userId, chatId);
  const idle = await readBy(world, databaseUrl, async () => undefined);
  const read = await readBy(world, databaseUrl, (own) => act.act(own, userId, chatId));
  await act.settle?.(store, userId, chatId);
  return Math.max(0, read - idle);
}

/** Rows that a store reads from its opening, which looks at the schema, to its end. */
async function readBy(
  { drivers, signal }: BenchWorld,
  databaseUrl: string,
  work: (store: Store) => Promise<unknown>,
): Promise<number> {
  const before = await rowsRead(databaseUrl);
  const store = await drivers.openStore(databaseUrl, signal);
  await work(store);
  await store.close();
  return (await rowsRead(databaseUrl)) - before;
}

async function bigChat({ store, databaseUrl }: Installation, userId: string, messages: number): Promise<string> {
  const chatId = newId("chat");
  await store.chats.create({ id: chatId, userId, title: "bench", model: "scripted/bench" });
  const blocks = [{ kind: "text", text: "begin" }] as const;
  const { run, outboxId } = await store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks });
  // What no engine was told of would be more with each size: a table of a few rows is read whole.
  if (outboxId !== undefined) await store.outbox.done([outboxId]);
  const messageId = newId("msg");
  const begun = await store.turns.beginAnswer({ runId: run.id, messageId });
  if (begun.kind === "begun") {
    await store.turns.completeAnswer({ messageId, attempt: begun.attempt }, { state: "complete", blocks });
  }
  await fillChat(databaseUrl, chatId, messages);
  return chatId;
}
