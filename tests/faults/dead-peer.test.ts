import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { holdLink, letToolEnd } from "./support/call-moments.ts";
import { ClientChat, succeeded } from "./support/client-chat.ts";
import { COUNTER, countsIn, measured } from "./support/counts.ts";
import { type FaultStack, startFaultStack } from "./support/fault-stack.ts";
import { type Desk, openDesks } from "./support/load.ts";
import { type Conversation, MARK, shell } from "./support/script.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** A dead peer is noticed within this while a call is open, and while none is; a daemon is back within that after its network is. */
const NOTICED_MS = 20 * SECOND;
const NOTICED_IDLE_MS = 2 * MINUTE;
const BACK_MS = 5 * SECOND;

const SCRIPT: readonly Conversation[] = [
  {
    match: "wait mark=",
    turns: [
      {
        capture: MARK,
        steps: [
          shell(
            "w",
            `echo {{mark}} >> ${COUNTER}; while [ ! -e go-{{mark}} ]; do sleep 0.05; done; echo counted`,
            300_000,
          ),
        ],
      },
      { steps: [{ text: "Done {{mark}}." }] },
    ],
  },
];

describe("a network that is gone between a daemon and its gateway", () => {
  const closing = new AsyncDisposableStack();
  let world: FaultStack;
  let desk: Desk;

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 1, gateways: 2, workers: 1, script: SCRIPT }));
    const [only] = await openDesks(world, 1);
    if (only === undefined) throw new Error("there is a desk");
    desk = only;
  }, 2 * MINUTE);

  afterAll(() => closing.disposeAsync());

  test(
    "is noticed within 20 s by both where it drops everything while a call is open, and the daemon is back within 5 s after it",
    async () => {
      const { daemon, user } = desk;
      const chat = await ClientChat.start(world.stack.apiUrl, user, daemon, "wait mark=dropped");
      await eventually("the tool to run", async () => (await countsIn(daemon.root)).has("dropped"));
      const { epoch } = await world.ledger.daemon(daemon.id);
      const before = tries(daemon.process.stderr);
      const release = holdLink(world, "daemon-gateway", ["upstream", "downstream"]);
      const { gatewayMs, daemonMs } = await timesToNotice(before);
      // Long enough that the daemon has tried in vain, and waits.
      await eventually("attempts in vain", () => tries(daemon.process.stderr) >= before + 4, { timeoutMs: MINUTE });
      release();
      const backMs = await timeToReturn(epoch);
      await letToolEnd(daemon, "dropped");
      const end = await chat.ended();
      measured(
        "a network that drops everything, one call open",
        `gateway noticed after ${gatewayMs} ms, daemon after ${daemonMs} ms; the daemon was back ${backMs} ms after its network; the call ${end.calls.map((call) => call.end)}`,
      );
      expect(gatewayMs).toBeLessThanOrEqual(NOTICED_MS);
      expect(daemonMs).toBeLessThanOrEqual(NOTICED_MS);
      expect(backMs).toBeLessThanOrEqual(BACK_MS);
      expect(succeeded(end)).toBe(true);
      expect(end.calls.map((call) => call.end)).toEqual(["succeeded"]);
      expect(await countsIn(daemon.root)).toEqual(new Map([["dropped", 1]]));
    },
    3 * MINUTE,
  );

  test(
    "is back within 5 s where it refused the daemon for half a minute",
    async () => {
      const { daemon } = desk;
      const { epoch } = await world.ledger.daemon(daemon.id);
      const before = tries(daemon.process.stderr);
      world.link("daemon-gateway").cut();
      await eventually("attempts in vain", () => tries(daemon.process.stderr) >= before + 10, { timeoutMs: MINUTE });
      world.link("daemon-gateway").restore();
      const backMs = await timeToReturn(epoch);
      measured("a network that refuses", `the daemon was back ${backMs} ms after it`);
      expect(backMs).toBeLessThanOrEqual(BACK_MS);
    },
    3 * MINUTE,
  );

  test(
    "is noticed within 2 min by both where it drops everything while nothing is to be done, and the daemon is back within 5 s after it",
    async () => {
      const { daemon } = desk;
      const { epoch } = await world.ledger.daemon(daemon.id);
      const release = holdLink(world, "daemon-gateway", ["upstream", "downstream"]);
      const { gatewayMs, daemonMs } = await timesToNotice(tries(daemon.process.stderr));
      release();
      const backMs = await timeToReturn(epoch);
      measured(
        "a network that drops everything, no call open",
        `gateway noticed after ${gatewayMs} ms, daemon after ${daemonMs} ms; the daemon was back ${backMs} ms after its network`,
      );
      expect(gatewayMs).toBeLessThanOrEqual(NOTICED_IDLE_MS);
      expect(daemonMs).toBeLessThanOrEqual(NOTICED_IDLE_MS);
      expect(backMs).toBeLessThanOrEqual(BACK_MS);
    },
    4 * MINUTE,
  );

  /** Milliseconds from now until the store says that the daemon is gone, and until the daemon tries again; `before`: the tries so far. */
  async function timesToNotice(before: number) {
    const { daemon } = desk;
    const fromMs = performance.now();
    const since = () => Math.round(performance.now() - fromMs);
    const bound = { timeoutMs: 3 * MINUTE };
    const isGone = async () => !(await world.ledger.daemon(daemon.id)).connected;
    const [gatewayMs, daemonMs] = await Promise.all([
      eventually("the gateway to notice", async () => (await isGone()) && since(), bound),
      eventually("the daemon to notice", () => tries(daemon.process.stderr) > before && since(), bound),
    ]);
    return { gatewayMs, daemonMs };
  }

  /** Milliseconds from now until the store says that the daemon is connected under a newer epoch. */
  async function timeToReturn(epoch: number): Promise<number> {
    const fromMs = performance.now();
    return eventually("the daemon to be back", async () => {
      const now = await world.ledger.daemon(desk.daemon.id);
      return now.connected && now.epoch > epoch && Math.round(performance.now() - fromMs);
    });
  }
});

function tries(log: string): number {
  return log.split("not connected, trying again").length - 1;
}
