import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomInt } from "node:crypto";
import { ConnectError } from "@connectrpc/connect";
import { seededRandom } from "../../src/chaos/seeded-random.ts";
import { StreamRecord } from "../../src/chaos/stream-record.ts";
import type { Message } from "../../src/gen/reliant/v1/chat_pb.ts";
import { clients } from "../../src/stack/stack-client.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { startToxicProxy } from "../../src/stack/toxic-proxy.ts";
import { measured } from "./support/counts.ts";
import { at, type FaultStack, portOf, startFaultStack } from "./support/fault-stack.ts";
import { type Conversation, MARK } from "./support/script.ts";

const MINUTE = 60_000;
const USERS = 20;
const CLIENTS_PER_USER = 10;
const CUTS = 1000;
/** A stream is cut at a random byte up to this one; that of one chat, uncut, has some ten thousand. */
const MOST_BYTES = 4000;

const LONG = "The quick brown fox jumps over the lazy dog, and the band plays on. ".repeat(12);
const SCRIPT: readonly Conversation[] = [
  {
    match: "tell mark=",
    turns: [{ capture: MARK, steps: [{ text: `{{mark}}: ${LONG}Größe ≠ Länge.`, chunk: 12, pace_ms: 50 }] }],
  },
];

describe("update streams that are cut at random bytes", () => {
  const closing = new AsyncDisposableStack();
  let world: FaultStack;
  let users: readonly StackUser[];
  /** Which bytes each stream of each client is cut at follows from it; RELIANT_TEST_SEED=N gives the same again. */
  const seed = Number(process.env.RELIANT_TEST_SEED ?? randomInt(2 ** 31));

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 2, gateways: 1, workers: 1, script: SCRIPT }));
    users = await Promise.all(Array.from({ length: USERS }, (_, index) => world.stack.signUp(`user-${index}`)));
  }, 2 * MINUTE);

  afterAll(() => closing.disposeAsync());

  test(
    "a thousand of them, each resumed on the other replica, have no gap and no double",
    async () => {
      const totals = { cuts: 0, streams: 0, waves: 0, faults: [] as string[] };
      while (totals.cuts < CUTS) {
        totals.waves += 1;
        const wave = await Promise.all(users.map((user, index) => tell(user, totals.waves * USERS + index)));
        for (const one of wave.flat()) {
          totals.cuts += one.cuts;
          totals.streams += 1;
          totals.faults.push(...one.faults);
        }
      }
      measured(
        `client streams cut at random bytes, RELIANT_TEST_SEED=${seed}`,
        `${totals.cuts} cut, each resumed on the other of 2 replicas, by ${totals.streams} clients; ${totals.faults.length} gaps, doubles or differences`,
      );
      expect(totals.faults).toEqual([]);
    },
    6 * MINUTE,
  );

  /** One chat that many clients follow. */
  async function tell(user: StackUser, chatNumber: number) {
    const mark = `c${chatNumber}`;
    const blocks = [{ content: { case: "text" as const, value: { text: `tell mark=${mark}` } } }];
    const { chat } = await user.api.chats.createChat({ title: mark, blocks });
    const chatId = chat?.id ?? "";
    const followed = await Promise.all(
      Array.from({ length: CLIENTS_PER_USER }, (_, number) =>
        follow(user, chatId, chatNumber * CLIENTS_PER_USER + number),
      ),
    );
    const stored = await messagesOf(user, chatId);
    return followed.map(({ record, cuts }) => {
      record.compare(stored);
      return { cuts, faults: record.faults.map((fault) => `${fault.kind}: ${fault.text}`) };
    });
  }

  /** Follows the chat to the end of its run, each stream on the other replica than the one before. */
  async function follow(user: StackUser, chatId: string, clientNumber: number) {
    const random = seededRandom(seed + clientNumber);
    const record = new StreamRecord(chatId);
    let cuts = 0;
    for (let replica = clientNumber; record.runEnds.length === 0; replica++) {
      const api = at(world.stack.apis, replica % world.stack.apis.length);
      await using proxy = await startToxicProxy({ name: "cut", upstreams: [portOf(api)] });
      proxy.addToxic({ direction: "downstream", kind: "limit_data", bytes: Math.floor(random() * MOST_BYTES) });
      const { updates } = clients(`http://127.0.0.1:${proxy.port}`, user.jwt);
      record.connected();
      const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: record.lastSequence }] };
      try {
        for await (const response of updates.streamUserUpdates(request)) {
          record.take(response);
          if (record.runEnds.length > 0) break;
        }
      } catch (error) {
        // A cut, and nothing that the server has said.
        if (!(error instanceof ConnectError) || error.metadata.has("x-reliant-error")) throw error;
        cuts += 1;
      }
    }
    return { record, cuts };
  }
});

async function messagesOf(user: StackUser, chatId: string): Promise<readonly Message[]> {
  const { messages } = await user.api.chats.listMessages({ chatId, pageSize: 200 });
  return messages;
}
