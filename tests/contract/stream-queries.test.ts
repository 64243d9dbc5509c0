import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { StreamingApi } from "../../src/api/streaming-service.ts";
import { openPostgresTap } from "../../src/bench/postgres-tap.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { logger } from "../../src/core/logger.ts";
import { StreamUserUpdatesRequestSchema, type StreamUserUpdatesResponse } from "../../src/gen/reliant/v1/update_pb.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Announcement, Store } from "../../src/store/store.ts";
import { MemoryUpdateHub } from "../../src/updates/memory-update-hub.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store/store-drivers.ts";
import { aChat, aDaemon, aUser, begin, dispatch, say, text, toolCallBlock } from "./store/store-verbs.ts";

setDefaultTimeout(60_000);

/**
 * Statements that one client's stream sends to Postgres in a run with one tool call, step by step: for one that follows
 * the chat, and for one that is only told which chats change. Beside them, the API sends those that accept the message:
 * tests/contract/turn-queries.test.ts. Whoever needs one more raises the number here, knowing that each client costs it at
 * each turn.
 */
const EXPECTED = {
  "opening the stream": [6, 2],
  "a message of the user": [5, 2],
  "an answer that begins": [1, 0],
  "an answer that asks for a tool": [3, 0],
  "a call on its way to its daemon": [1, 0],
  "a call that runs": [1, 0],
  "a call that has its outcome": [1, 0],
  "a result that stands in the chat": [3, 0],
  "a last answer that begins": [1, 0],
  "a last answer, which ends the run": [5, 2],
  "leaving the stream": [0, 0],
} as const;
type Step = keyof typeof EXPECTED;

describe("the statements of a stream in a run with one tool call", () => {
  let driver: StoreDriver | undefined;
  beforeAll(async () => {
    driver = await STORE_DRIVERS.find(({ name }) => name === "postgres")?.start();
  });
  afterAll(async () => {
    await driver?.[Symbol.asyncDispose]();
  });

  for (const [index, who] of ["the chat", "the user's chats as a whole"].entries()) {
    test(`are those of the table for a client that follows ${who}`, async () => {
      if (driver === undefined) throw new Error("the postgres driver was not started");
      await using db = await driver.open();
      const counts = await countSteps(db.options.url ?? "", index === 0);
      expect(counts).toEqual(new Map(Object.entries(EXPECTED).map(([step, each]) => [step, each[index] ?? 0])));
    });
  }
});

async function countSteps(url: string, isChatFollowed: boolean): Promise<ReadonlyMap<string, number>> {
  await using closing = new AsyncDisposableStack();
  const hub = new MemoryUpdateHub(logger("updates"));
  closing.defer(() => hub.close());
  const open = async (at: string, announce: (announcement: Announcement) => void) => {
    const signal = AbortSignal.timeout(30_000);
    const store = await openStore({ driver: "postgres", url: at, clock: systemClock, announce, signal });
    closing.defer(() => store.close());
    return store;
  };
  const tap = closing.use(await openPostgresTap(url));
  // What happens is written beside the tap: behind it are the stream's own reads alone.
  const writer = await open(url, (announcement) => hub.publish(announcement));
  const reader = await open(tap.url, () => undefined);
  const userId = await aUser(writer);
  const { fence, journalId } = await aDaemon(writer, userId, Date.now());
  const chat = await aChat(writer, userId);
  const before = await writer.updates.lastSequences({ userIds: [userId], chatIds: [] });
  // Sessions ask Postgres for its types when they begin: as many as the stream will use have begun then.
  await Promise.all([reader.updates.liveBlocks(chat.id), reader.updates.liveOutput(chat.id)]);
  const counts = new Map<string, number>();
  const note = (step: Step) => {
    counts.set(
      step,
      [...tap.take().values()].reduce((total, count) => total + count, 0),
    );
  };

  tap.take();
  const client = new Client(
    reader,
    hub,
    { userId, last: before.users.get(userId) ?? 0 },
    isChatFollowed ? [chat.id] : [],
  );
  const step = async <T>(name: Step, act: () => Promise<T>): Promise<T> => {
    const value = await act();
    const last = await writer.updates.lastSequences({ userIds: [userId], chatIds: [chat.id] });
    const [userLast = 0, chatLast = 0] = [last.users.get(userId), isChatFollowed ? last.chats.get(chat.id) : 0];
    await eventually(`the stream to have told of ${name}`, () => client.isAtRest(userLast, chatLast));
    note(name);
    return value;
  };
  await step("opening the stream", async () => undefined);
  const { run } = await step("a message of the user", () => say(writer, chat, "use your tool"));
  const asking = await step("an answer that begins", () => begin(writer, run.id));
  const callId = newId("call");
  await step("an answer that asks for a tool", () =>
    writer.turns.completeAnswer(asking, { state: "complete", blocks: [toolCallBlock(callId)] }),
  );
  await step("a call on its way to its daemon", () => dispatch(writer, callId, fence.daemonId, Date.now()));
  await step("a call that runs", () => writer.toolCalls.daemonReady(fence, { toolCallId: callId, journalId }));
  await step("a call that has its outcome", () => {
    const result = { text: "hello", isError: false };
    return writer.toolCalls.daemonResult(fence, { toolCallId: callId, journalId, ending: "finished", result });
  });
  await step("a result that stands in the chat", () => writer.turns.deliverResult(callId));
  const last = await step("a last answer that begins", () => begin(writer, run.id));
  await step("a last answer, which ends the run", () =>
    writer.turns.completeAnswer(last, { state: "complete", blocks: [text("done")] }),
  );
  await client.leave();
  note("leaving the stream");
  return counts;
}

/** One client, through the API's own streams. */
class Client {
  private readonly clock = new WatchedClock();
  private readonly leaving = new AbortController();
  private readonly reading: Promise<void>;
  private chatLast = 0;
  private userLast: number;

  constructor(
    store: Store,
    hub: MemoryUpdateHub,
    user: { readonly userId: string; readonly last: number },
    chatIds: readonly string[],
  ) {
    this.userLast = user.last;
    const api = new StreamingApi({ store, hub, poller: { add: () => () => undefined }, clock: this.clock });
    const caller = { identity: { userId: user.userId, scope: "api" }, mayGoOn: async () => undefined } as const;
    const request = create(StreamUserUpdatesRequestSchema, {
      ...{ afterSequence: -1n, chats: chatIds.map((chatId) => ({ chatId, afterSequence: 0n })) },
    });
    this.reading = this.read(api.streamUserUpdates(caller, request, this.leaving.signal));
  }

  /** Whether it has been told of these numbers, and its stream waits for more. */
  isAtRest(userLast: number, chatLast: number): boolean {
    // One wait is that of the stream, the other its token's.
    return this.userLast === userLast && this.chatLast === chatLast && this.clock.waits === 2;
  }

  async leave(): Promise<void> {
    this.leaving.abort();
    await this.reading;
  }

  private async read(stream: AsyncIterable<StreamUserUpdatesResponse>): Promise<void> {
    for await (const { update } of stream) {
      if (update.case === "chat") this.chatLast = Number(update.value.sequence);
      if (update.case === "user") this.userLast = Number(update.value.sequence);
    }
  }
}

/** Stands still, so that nothing is read because time has passed; tells how many wait for it. */
class WatchedClock extends ManualClock {
  private readonly waiting = new Set<() => void>();

  get waits(): number {
    return this.waiting.size;
  }

  override after(ms: number, callback: () => void): () => void {
    const cancel = super.after(ms, callback);
    this.waiting.add(cancel);
    return () => {
      this.waiting.delete(cancel);
      cancel();
    };
  }
}
