import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { letToolEnd } from "./support/call-moments.ts";
import { ClientChat } from "./support/client-chat.ts";
import { COUNTER, countsIn, measured } from "./support/counts.ts";
import { type FaultStack, startFaultStack } from "./support/fault-stack.ts";
import { type Desk, LOAD_SCRIPT, Load, openDesks } from "./support/load.ts";
import { type Conversation, MARK, shell } from "./support/script.ts";

const MINUTE = 60_000;
/** Chats at a time. */
const LANES = 2;

const HELD: Conversation = {
  match: "hold mark=",
  turns: [
    {
      capture: MARK,
      steps: [shell("h", `echo {{mark}} >> ${COUNTER}; while [ ! -e go-{{mark}} ]; do sleep 0.05; done`)],
    },
    { steps: [{ text: "Done {{mark}}: {{result.h}}" }] },
  ],
};

describe("two daemons that present one identity, from a copied data folder", () => {
  const closing = new AsyncDisposableStack();
  let world: FaultStack;
  let desk: Desk;

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 1, gateways: 2, workers: 1, script: [LOAD_SCRIPT, HELD] }));
    const [only] = await openDesks(world, 1);
    if (only === undefined) throw new Error("there is a desk");
    desk = only;
  }, 2 * MINUTE);

  afterAll(() => closing.disposeAsync());

  test(
    "one wins, the other is told and ends with what to do, and no call is answered by both",
    async () => {
      const first = desk.daemon;
      const load = new Load(world, [desk], "twins", LANES);
      await eventually("a chat to end", () => load.ended >= 1, { timeoutMs: MINUTE });
      const copy = join(world.stack.folder, "copied-data");
      await cp(first.dataDir, copy, { recursive: true });
      // Its journal is from before this call: who starts from the copy does not know that it runs.
      const held = await ClientChat.start(world.stack.apiUrl, desk.user, first, "hold mark=held");
      await eventually("the tool to run", async () => (await countsIn(first.root)).has("held"));
      const second = await world.stack.startDaemon(desk.user, { name: "copy", dataDir: copy });
      const beganAtMs = performance.now();
      const status = await first.process.awaitExit();
      const toldMs = Math.round(performance.now() - beganAtMs);
      const ended = load.ended;
      await eventually("chats to go on", () => load.ended >= ended + 3, { timeoutMs: MINUTE });
      await letToolEnd(first, "held");
      const heldEnd = await held.ended();
      const report = await load.stop();
      // A call that ran as its daemon was replaced, with the one result that says so: one in each lane at most.
      const excused = report.faults.filter((fault) => /: unknown, 1 results$/.test(fault));
      const failed = report.faults.filter((fault) => !excused.includes(fault));
      measured(
        "two daemons with one identity",
        `the older one ended with exit code ${status.code} ${toldMs} ms after the newer one's welcome; a call that ran as it was replaced started ${(await countsIn(first.root)).get("held")} time; ${report.calls} more calls, ${excused.length} unknown (running as it was replaced), ${failed.length} lost or doubled`,
      );
      expect(second.id).toBe(first.id);
      expect(second.process.isRunning).toBe(true);
      expect(status.code).not.toBe(0);
      expect(first.process.stderr).toContain("another process took this daemon's place");
      expect(first.process.stderr).toContain("give one of them another --data-dir");
      expect(await gaveUpReason(first)).toContain("another process took this daemon's place");
      expect(failed).toEqual([]);
      expect(excused.length).toBeLessThanOrEqual(LANES);
      expect((await countsIn(first.root)).get("held")).toBe(1);
      expect(heldEnd.calls.map((call) => [call.end, call.results])).toEqual([["unknown", 1]]);
      expect(heldEnd.streamFaults).toEqual([]);
    },
    4 * MINUTE,
  );
});

/** What `reliant daemon status` tells people of it. */
async function gaveUpReason(daemon: StackDaemon): Promise<string> {
  return readFile(join(daemon.dataDir, "status.json"), "utf8");
}
