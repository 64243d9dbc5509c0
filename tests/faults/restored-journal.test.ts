import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { eventually } from "../support/eventually.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { holdLink, letToolEnd } from "./support/call-moments.ts";
import { ClientChat, succeeded } from "./support/client-chat.ts";
import { COUNTER, countsIn, measured } from "./support/counts.ts";
import { type FaultStack, startFaultStack } from "./support/fault-stack.ts";
import { journalFacts, journalState } from "./support/journal-peek.ts";
import { type Conversation, MARK, shell } from "./support/script.ts";

const MINUTE = 60_000;

const HELD: Conversation = {
  match: "hold mark=",
  turns: [
    {
      capture: MARK,
      steps: [
        shell("h", `echo {{mark}} >> ${COUNTER}; while [ ! -e go-{{mark}} ]; do sleep 0.05; done; echo ran {{mark}}`),
      ],
    },
    { steps: [{ text: "The tool said: {{result.h}}" }] },
  ],
};

describe("a daemon killed in the middle of a call, with its journal put back to a copy made while it ran", () => {
  const closing = new AsyncDisposableStack();
  let world: FaultStack;
  let user: StackUser;
  let daemon: StackDaemon;

  beforeAll(async () => {
    world = closing.use(await startFaultStack({ apis: 1, gateways: 1, workers: 1, script: [HELD] }));
    user = await world.stack.signUp("alice");
    daemon = await world.stack.startDaemon(user, { name: "laptop" });
  }, 2 * MINUTE);

  afterAll(() => closing.disposeAsync());

  test(
    "starts the call no second time: the copy does not know of the call",
    async () => {
      const copy = await copyOf(daemon);
      const chat = await ClientChat.start(world.stack.apiUrl, user, daemon, "hold mark=unheard");
      await expectOneStart("unheard", chat, copy);
    },
    3 * MINUTE,
  );

  test(
    "starts the call no second time: the copy has its offer, from the connection that granted it",
    async () => {
      const release = holdLink(world, "daemon-gateway", ["upstream"]);
      const chat = await ClientChat.start(world.stack.apiUrl, user, daemon, "hold mark=offered");
      await eventually("the offer to be journalled", async () => {
        const [call] = await world.ledger.calls(chat.chatId);
        return call !== undefined && (await journalState(daemon.dataDir, call.id)) === "offered";
      });
      const copy = await copyOf(daemon);
      release();
      await expectOneStart("offered", chat, copy);
    },
    3 * MINUTE,
  );

  /** Kills the daemon while the call runs, puts the copy in its place, and has the daemon start again. */
  async function expectOneStart(mark: string, chat: ClientChat, copy: string): Promise<void> {
    await eventually("the tool to run", async () => (await countsIn(daemon.root)).has(mark), { timeoutMs: MINUTE });
    const copied = await journalFacts(copy);
    await daemon.kill9();
    await putBack(daemon, copy);
    await daemon.restart();
    const restarted = await journalFacts(daemon.dataDir);
    const end = await chat.ended();
    await letToolEnd(daemon, mark);
    const starts = (await countsIn(daemon.root)).get(mark) ?? 0;
    const [call] = end.calls;
    measured("a journal put back to a copy", `${mark} before the kill: ${starts} start, its outcome is ${call?.end}`);
    // Nothing that the journal tells of itself gives the copy away.
    expect(restarted).toEqual({ id: copied.id, startCount: copied.startCount + 1 });
    expect(starts).toBe(1);
    expect(end.calls.map((one) => [one.end, one.results])).toEqual([["unknown", 1]]);
    expect(end.lastAnswer).toMatch(/Nobody can tell how this tool call ended/);
    expect(succeeded(end)).toBe(true);
    expect(end.streamFaults).toEqual([]);
  }

  /** A folder with a copy of the daemon's journal that is whole. */
  function copyOf({ dataDir }: StackDaemon): Promise<string> {
    return eventually("a copy of the journal that is whole", async () => {
      const { path } = closing.use(await tempFolder("journal-copy"));
      await copyFiles(dataDir, path);
      await journalFacts(path);
      return path;
    });
  }

  /** Into the very files, as a backup of the disk does: the journal then lies where it lay. */
  function putBack({ dataDir }: StackDaemon, copy: string): Promise<void> {
    return copyFiles(copy, dataDir);
  }
});

async function copyFiles(from: string, to: string): Promise<void> {
  for (const file of ["journal.db", "journal.db-wal"]) await copyFile(join(from, file), join(to, file));
}
