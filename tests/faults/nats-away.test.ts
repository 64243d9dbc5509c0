import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { eventually } from "../support/eventually.ts";
import { letToolEnd } from "./support/call-moments.ts";
import { type ChatEnd, ClientChat, succeeded } from "./support/client-chat.ts";
import { COUNTER, countsIn, measured } from "./support/counts.ts";
import { type FaultStack, startFaultStack } from "./support/fault-stack.ts";
import { type Desk, LOAD_SCRIPT, openDesks } from "./support/load.ts";
import { type Conversation, MARK, shell } from "./support/script.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** By hand: 300 (five minutes). */
const AWAY_MS = Number(process.env.RELIANT_TEST_AWAY_SECONDS ?? 60) * SECOND;
/** From NATS' return until a chat goes as always. */
const BACK_MS = 10 * SECOND;
/** A message is a row: NATS has no part in it. */
const ACCEPTED_MS = 5 * SECOND;

const Ready = z.object({ checks: z.record(z.string(), z.object({ ok: z.boolean() })) });

const SCRIPT: readonly Conversation[] = [
  LOAD_SCRIPT,
  {
    match: "wait mark=",
    turns: [
      {
        capture: MARK,
        steps: [
          shell(
            "w",
            `echo {{mark}} >> ${COUNTER}; while [ ! -e go-{{mark}} ]; do sleep 0.05; done; echo counted`,
            600_000,
          ),
        ],
      },
      { steps: [{ text: "Then {{mark}} goes on." }, shell("n", `echo {{mark}}-next >> ${COUNTER}`)] },
      { steps: [{ text: "Done {{mark}}." }] },
    ],
  },
];

describe(`NATS away for ${AWAY_MS / SECOND} s`, () => {
  const closing = new AsyncDisposableStack();
  let world: FaultStack;
  let desks: readonly Desk[];

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 2, gateways: 2, workers: 2, script: SCRIPT }));
    desks = await openDesks(world, 2);
  }, 2 * MINUTE);

  afterAll(() => closing.disposeAsync());

  test(
    "loses nothing: what was under way and what was sent meanwhile ends once, and chats go as always within 10 s of its return",
    async () => {
      const [mine, other] = desks;
      if (mine === undefined || other === undefined) throw new Error("there are two desks");
      const begin = (desk: Desk, prompt: string) =>
        ClientChat.start(world.stack.apiUrl, desk.user, desk.daemon, prompt);

      const running = await begin(mine, "wait mark=running");
      await eventually("the tool to run", async () => (await countsIn(mine.daemon.root)).has("running"));
      await world.stack.nats.kill9();
      const awayAtMs = performance.now();

      // Accepted while NATS is away: the message is a row, and Temporal has the chat.
      const sent = await begin(other, "wait mark=sent");
      const acceptedMs = Math.round(performance.now() - awayAtMs);
      await letToolEnd(mine.daemon, "running");
      await letToolEnd(other.daemon, "sent");
      const ends: { readonly name: string; readonly end: ChatEnd; readonly atMs: number }[] = [];
      const collected = Promise.all(
        Object.entries({ running, sent }).map(async ([name, chat]) => {
          ends.push({ name, end: await chat.ended(), atMs: performance.now() });
        }),
      );
      const { apis, gateways, workers } = world.stack;
      for (const role of [...apis, ...gateways, ...workers]) {
        await eventually(`${role.name} to say that NATS is away`, async () => saysNatsIsAway(role.healthUrl));
      }
      await systemClock.sleep(AWAY_MS - (performance.now() - awayAtMs));
      const endedMeanwhile = ends.length;
      await world.stack.nats.restart();
      const backAtMs = performance.now();

      const freshMarks = ["fresh-0", "fresh-1", "fresh-2", "fresh-3"];
      const fresh = await begin(mine, "load mark=fresh");
      const freshEnd = await fresh.ended();
      const freshMs = Math.round(performance.now() - backAtMs);
      await collected;
      const lastMs = Math.round(Math.max(...ends.map(({ atMs }) => atMs)) - backAtMs);
      measured(
        `NATS away for ${AWAY_MS / SECOND} s`,
        `message accepted in ${acceptedMs} ms meanwhile; ${endedMeanwhile} of ${ends.length} chats ended meanwhile, the last ${lastMs} ms after its return; a fresh chat of 4 calls ended ${freshMs} ms after it`,
      );
      expect(succeeded(freshEnd)).toBe(true);
      expect(freshMs).toBeLessThanOrEqual(BACK_MS);
      expect(lastMs).toBeLessThanOrEqual(BACK_MS);
      expect(acceptedMs).toBeLessThanOrEqual(ACCEPTED_MS);
      for (const { end } of ends) {
        expect(end.streamFaults).toEqual([]);
        expect(succeeded(end)).toBe(true);
        expect(end.calls.map((call) => [call.end, call.results])).toEqual([
          ["succeeded", 1],
          ["succeeded", 1],
        ]);
      }
      const counts = [await countsIn(mine.daemon.root), await countsIn(other.daemon.root)];
      expect(counts[0]).toEqual(new Map([...["running", "running-next"], ...freshMarks].map((mark) => [mark, 1])));
      expect(counts[1]).toEqual(new Map(["sent", "sent-next"].map((mark) => [mark, 1])));
    },
    AWAY_MS + 3 * MINUTE,
  );
});

async function saysNatsIsAway(healthUrl: string): Promise<boolean> {
  const response = await fetch(`${healthUrl}/ready`, { signal: AbortSignal.timeout(5 * SECOND) });
  const { checks } = Ready.parse(await response.json());
  return response.status === 503 && checks.nats?.ok === false;
}
