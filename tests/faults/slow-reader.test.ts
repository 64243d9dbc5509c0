import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom } from "../../src/chaos/seeded-random.ts";
import type { ApiClients } from "../../src/stack/stack-client.ts";
import { clients } from "../../src/stack/stack-client.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { startToxicProxy, type ToxicProxy } from "../../src/stack/toxic-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { measured } from "./support/counts.ts";
import { at, type FaultStack, portOf, startFaultStack } from "./support/fault-stack.ts";
import { type Pair, pairedRounds, ratioOf, ratioText } from "./support/paired-rounds.ts";
import type { Conversation } from "./support/script.ts";

const MINUTE = 60_000;
const USERS = 20;
/** The bound of one user on one replica is 50; of the first user, one is left for the slow reader and one for the reader beside it. */
const STREAMS_PER_USER = 50;
const MESSAGES_PER_USER = 3;
/**
 * Rounds come in pairs, one with the reader fast and one with it slow: so many, whatever they say; and two more at a time, up
 * to the most, where they are too far apart to say anything.
 */
const PAIRS = 5;
const MORE_PAIRS = 2;
const MOST_PAIRS = 11;
/**
 * Issue: nobody else's p99 changes by more than a tenth. A p99 of some hundred messages is not known to a tenth: two
 * series of rounds that differ in nothing are further apart in many runs. So it is asked whether these rounds show, in 19
 * of 20 cases, that it is more than a tenth; the same of the median, which is known far better. The ratio itself
 * must stay below half as much again, so that noise does not hide what is really large: of the p99 where its interval is
 * narrow enough to tell, from its lower to its upper end no further than from 1 / 1.5 to 1.5. At twice as far it tells
 * nothing, and that is a failure.
 */
const MOST_RATIO = 1.1;
const MOST_SEEN_RATIO = 1.5;
const NARROW_WIDTH = MOST_SEEN_RATIO ** 2;
const MOST_WIDTH = 2 * NARROW_WIDTH;
const SLOW_BYTES_PER_SECOND = 2048;
/**
 * Messages of an old chat that the reader asks for first, of 1 MiB each, which no compression makes much smaller: far more
 * than its proxy (1 MiB) and the sockets on the way (a send buffer grows to 4 MiB, a receive buffer that is not read stays
 * small) take. So where it is slow, the server waits for it from the beginning to the end of the round.
 */
const OLD_MESSAGES = 12;
const OLD_BYTES = OLD_MESSAGES * 1024 * 1024;

/** The model says it again and again: some 3.5 MB in 5 s, for the reader alone. */
const PIECE = `pour ${"x".repeat(3500)}`;
const SCRIPT: readonly Conversation[] = [
  { match: "pour ", turns: [{ steps: [{ text: "{{last_user}}".repeat(1000), chunk: 3500, pace_ms: 5 }] }] },
  // The model thinks for as long as the test takes: what is sent meanwhile is one message for all who look on, and no run of its own.
  { match: "ping", turns: [{ steps: [{ delay_ms: 15 * MINUTE }] }] },
];

/** Bytes of text that a reader had at the end of a round. */
interface Reading {
  readonly slow: boolean;
  readonly bytes: number;
}

interface Follower {
  readonly user: StackUser;
  readonly chatId: string;
  /** When each text of the user arrived, by the text; milliseconds of `performance.now()`. */
  readonly arrivals: Map<string, number>;
}

describe("a slow reader among a thousand streams of one replica", () => {
  const closing = new AsyncDisposableStack();
  const leave = new AbortController();
  let world: FaultStack;
  let proxy: ToxicProxy;
  let users: readonly StackUser[];
  let followers: readonly Follower[];
  let oldChatId: string;
  const readings: Reading[] = [];

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 1, gateways: 1, workers: 1, script: SCRIPT }));
    proxy = closing.use(await startToxicProxy({ name: "slow reader", upstreams: [portOf(at(world.stack.apis, 0))] }));
    users = await Promise.all(Array.from({ length: USERS }, (_, index) => world.stack.signUp(`user-${index}`)));
    oldChatId = await manyMessages(users[0]);
    followers = (await Promise.all(users.map((user, index) => followMany(user, index === 0 ? 2 : 0)))).flat();
  }, 3 * MINUTE);

  afterAll(async () => {
    leave.abort();
    await closing.disposeAsync();
  });

  test(
    "changes nobody else's p99 by more than a tenth",
    async () => {
      await round("with", "warm-up");
      readings.length = 0;
      const pairs: Pair[] = [];
      do {
        const count = pairs.length === 0 ? PAIRS : MORE_PAIRS;
        const done = pairs.length;
        pairs.push(...(await pairedRounds(count, (kind, number) => round(kind, `${kind}${done + number}`))));
      } while (pairs.length < MOST_PAIRS && widthOf(pairs) > NARROW_WIDTH);
      const [p99, p50] = [ratioOf(pairs, 0.99, seededRandom(1)), ratioOf(pairs, 0.5, seededRandom(1))];
      const slow = readings.filter((reading) => reading.slow);
      const fast = readings.filter((reading) => !reading.slow);
      const mostSlow = Math.max(...slow.map(({ bytes }) => bytes));
      const leastFast = Math.min(...fast.map(({ bytes }) => bytes));
      measured(
        `a slow reader among ${followers.length + 2} streams`,
        `${pairs.length * USERS * MESSAGES_PER_USER} messages of each kind to the others: p99 ${ratioText(p99)}; p50 ${ratioText(p50)}; it had ${Math.round(mostSlow / 1024)} KiB at most where it was slow, ${Math.round(leastFast / 1024)} KiB at least where it was not`,
      );
      expect(followers.length).toBe(USERS * STREAMS_PER_USER - 2);
      expect(slow.length).toBe(pairs.length);
      expect(mostSlow).toBeLessThan(OLD_BYTES / 10);
      expect(leastFast).toBeGreaterThan(OLD_BYTES);
      expect(p50.low).toBeLessThanOrEqual(MOST_RATIO);
      expect(p99.low).toBeLessThanOrEqual(MOST_RATIO);
      expect(p50.ratio).toBeLessThanOrEqual(MOST_SEEN_RATIO);
      if (widthOf(pairs) <= NARROW_WIDTH) expect(p99.ratio).toBeLessThanOrEqual(MOST_SEEN_RATIO);
      expect(widthOf(pairs), "the rounds are too far apart to tell anything of the p99").toBeLessThanOrEqual(
        MOST_WIDTH,
      );
    },
    10 * MINUTE,
  );

  /** The times, over all streams but the reader's, from the sending of a message until it is there; while text pours into the reader's stream. */
  async function round(kind: keyof Pair, name: string): Promise<readonly number[]> {
    const [first] = users;
    if (first === undefined) throw new Error("there are users");
    const slow = kind === "with";
    if (slow) proxy.addToxic({ direction: "downstream", kind: "bandwidth", bytesPerSecond: SLOW_BYTES_PER_SECOND });
    const { chat } = await first.api.chats.createChat({ title: name, blocks: [text(PIECE)] });
    const chatIds = [oldChatId, chat?.id ?? ""];
    const reader = new Reader(clients(`http://127.0.0.1:${proxy.port}`, first.jwt), chatIds);
    const beside = new Reader(first.apiAt(0), chatIds);
    // What both ask for first is read by whoever is fast, and cannot be by the slow one, before it is measured.
    for (const fast of slow ? [beside] : [beside, reader]) {
      await eventually("the old chat to be read", () => fast.bytes > OLD_BYTES, { timeoutMs: MINUTE });
    }
    const delays: number[] = [];
    for (let message = 0; message < MESSAGES_PER_USER; message++) {
      for (const user of users) {
        const words = `ping ${name}-${message}`;
        const own = followers.filter((follower) => follower.user === user);
        const atMs = performance.now();
        await user.api.chats.sendMessage({ chatId: own[0]?.chatId ?? "", blocks: [text(words)] });
        for (const { arrivals } of own) {
          delays.push((await eventually(`${words} to arrive`, () => arrivals.get(words))) - atMs);
        }
      }
    }
    readings.push({ slow, bytes: reader.bytes });
    await Promise.all([reader.leave(), beside.leave()]);
    proxy.clearToxics();
    await first.api.chats.cancelRun({ chatId: chat?.id ?? "" });
    return delays;
  }

  /** A chat with {@link OLD_MESSAGES}; its id. */
  async function manyMessages(user: StackUser | undefined): Promise<string> {
    if (user === undefined) throw new Error("there are users");
    const { chat } = await user.api.chats.createChat({ title: "old", blocks: [text("ping old")] });
    const chatId = chat?.id ?? "";
    for (let message = 0; message < OLD_MESSAGES; message++) {
      const words = randomBytes((OLD_BYTES / OLD_MESSAGES) * 0.75).toString("base64");
      await user.api.chats.sendMessage({ chatId, blocks: [text(words)] });
    }
    return chatId;
  }

  /** A chat of the user and the streams that follow it, all of them open when this resolves. */
  async function followMany(user: StackUser, fewer: number): Promise<Follower[]> {
    const { chat } = await user.api.chats.createChat({ title: "followed", blocks: [text("ping start")] });
    const chatId = chat?.id ?? "";
    const own = Array.from({ length: STREAMS_PER_USER - fewer }, () => ({
      user,
      chatId,
      arrivals: new Map<string, number>(),
    }));
    for (const follower of own) {
      void note(user.apiAt(0), follower).catch((error: unknown) => {
        if (!leave.signal.aborted) throw error;
      });
    }
    for (const { arrivals } of own) await eventually("the stream to be open", () => arrivals.has("ping start"));
    return own;
  }

  async function note(api: ApiClients, { chatId, arrivals }: Follower): Promise<void> {
    const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: 0n }] };
    for await (const { update } of api.updates.streamUserUpdates(request, { signal: leave.signal })) {
      if (update.case !== "chat" || update.value.event.case !== "message") continue;
      const [block] = update.value.event.value.blocks;
      if (block?.content.case === "text") arrivals.set(block.content.value.text, performance.now());
    }
  }
});

/** How many times the lower end of the p99's interval its upper end is. */
function widthOf(pairs: readonly Pair[]): number {
  const { low, high } = ratioOf(pairs, 0.99, seededRandom(1));
  return high / low;
}

function text(words: string) {
  return { content: { case: "text" as const, value: { text: words } } };
}

/** A reader of chats from their beginning, which counts and forgets. */
class Reader {
  /** UTF-8 bytes of text that have come. */
  bytes = 0;
  private readonly leaving = new AbortController();
  private readonly reading: Promise<void>;

  constructor(api: ApiClients, chatIds: readonly string[]) {
    this.reading = this.read(api, chatIds).catch((error: unknown) => {
      if (!this.leaving.signal.aborted) throw error;
    });
  }

  async leave(): Promise<void> {
    this.leaving.abort();
    await this.reading;
  }

  private async read(api: ApiClients, chatIds: readonly string[]): Promise<void> {
    const request = { afterSequence: -1n, chats: chatIds.map((chatId) => ({ chatId, afterSequence: 0n })) };
    for await (const { update } of api.updates.streamUserUpdates(request, { signal: this.leaving.signal })) {
      if (update.case === "delta") this.bytes += Buffer.byteLength(update.value.text);
      if (update.case !== "chat" || update.value.event.case !== "message") continue;
      const [block] = update.value.event.value.blocks;
      if (block?.content.case === "text") this.bytes += Buffer.byteLength(block.content.value.text);
    }
  }
}
