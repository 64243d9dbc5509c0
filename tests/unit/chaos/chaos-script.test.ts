import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { chaosScript, helloAnswer, helloPrompt } from "../../../src/chaos/chaos-script.ts";
import { readCounts } from "../../../src/chaos/counter-file.ts";
import { seededRandom } from "../../../src/chaos/seeded-random.ts";
import {
  answerOf,
  COUNTER_FILE,
  callMark,
  markInInput,
  pickKind,
  plannedCalls,
  TURN_KINDS,
  type TurnKind,
  turnMark,
  turnPrompt,
} from "../../../src/chaos/turn-plan.ts";
import type { ContentBlock, Message } from "../../../src/chat/message.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { ScriptedProvider } from "../../../src/models/scripted-provider.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const KINDS = ["quick", "slow", "parallel", "output", "chain"] as const satisfies readonly TurnKind[];

/** Plays the script as a worker does until it asks for no more tools: the inputs of its calls, and its last words. */
async function play(prompt: string): Promise<{ readonly inputs: readonly string[]; readonly last: string }> {
  await using folder = await tempFolder("script");
  const path = join(folder.path, "chaos.yaml");
  await Bun.write(path, chaosScript());
  const provider = new ScriptedProvider(systemClock);
  const messages: Message[] = [message("user", [{ kind: "text", text: prompt }])];
  const inputs: string[] = [];
  for (;;) {
    const calls: string[] = [];
    const texts: string[] = [];
    const blocks: string[] = [];
    const request = { model: path, messages, tools: [], system: "", chatId: "chat_1", attempt: 1 };
    for await (const event of provider.stream(request, new AbortController().signal)) {
      if (event.kind === "block_started") blocks[event.index] = event.block;
      if (event.kind === "delta" && blocks[event.index] === "text") texts.push(event.text);
      if (event.kind === "block_ended" && event.input !== undefined) calls.push(JSON.stringify(event.input));
    }
    messages.push(message("assistant", [{ kind: "text", text: "…" }]));
    if (calls.length === 0) return { inputs, last: texts.join("") };
    inputs.push(...calls);
  }
}

function message(role: Message["role"], blocks: readonly ContentBlock[]): Message {
  return { id: "msg_1", chatId: "chat_1", position: 1, role, state: "complete", blocks, createdAtMs: 0 };
}

describe("the script of chaos", () => {
  for (const kind of KINDS) {
    test(`plays a ${kind} turn: each planned call once, under its mark, and the answer`, async () => {
      const mark = turnMark(3, 12);
      const { inputs, last } = await play(turnPrompt(kind, mark));
      const planned = plannedCalls(kind).map(({ number }) => callMark(mark, number));
      expect(inputs.map(markInInput)).toEqual(planned);
      expect(last).toBe(answerOf(mark));
    });
  }

  test("has a conversation for every kind of turn", () => {
    expect(Object.keys(TURN_KINDS).sort()).toEqual([...KINDS].sort());
  });

  test("answers a hello in a way that no other model does", async () => {
    const { inputs, last } = await play(helloPrompt("abc_123"));
    expect(inputs).toEqual([]);
    expect(last).toBe(helloAnswer("abc_123"));
  });

  test("writes commands that count in the file before they do anything else", async () => {
    await using folder = await tempFolder("counter");
    const { inputs } = await play(turnPrompt("parallel", turnMark(1, 1)));
    for (const input of inputs) {
      const { command } = JSON.parse(input);
      const run = Bun.spawn(["/bin/sh", "-c", command.replace(/sleep \d+/, "true")], { cwd: folder.path });
      expect(await run.exited).toBe(0);
    }
    const counts = await readCounts(folder.path);
    expect([...counts.keys()].sort()).toEqual(["c1-t1-1", "c1-t1-2", "c1-t1-3", "c1-t1-4"]);
    const [start] = counts.get("c1-t1-1") ?? [];
    expect(Math.abs((start ?? 0) * 1000 - systemClock.now())).toBeLessThan(60_000);
  });
});

describe("a counter file", () => {
  test("that is not there has counted nothing", async () => {
    await using folder = await tempFolder("counter");
    expect([...(await readCounts(folder.path))]).toEqual([]);
  });

  test("counts a mark as often as it stands there, and keeps a line that is none of ours", async () => {
    await using folder = await tempFolder("counter");
    await Bun.write(join(folder.path, COUNTER_FILE), "c1-t1-1 100\nc1-t1-2 101\nc1-t1-1 102\nwhat is this\n");
    const counts = await readCounts(folder.path);
    expect(Object.fromEntries(counts)).toEqual({ "c1-t1-1": [100, 102], "c1-t1-2": [101], "what is this": [0] });
  });
});

describe("the kinds of turns", () => {
  test("follow from the seed, and all of them come", () => {
    const kinds = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 50 }, () => pickKind(random));
    };
    expect(kinds(7)).toEqual(kinds(7));
    expect(kinds(7)).not.toEqual(kinds(8));
    expect([...new Set(kinds(7))].sort()).toEqual([...KINDS].sort());
  });
});
