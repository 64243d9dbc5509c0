import { describe, expect, test } from "bun:test";
import { NO_TOOL, ONE_PLAN, ONE_TOOL_CALL, writeBenchScript } from "../../../src/bench/bench-scripts.ts";
import { SOAK_CONVERSATIONS } from "../../../src/bench/soak-load.ts";
import type { Message } from "../../../src/chat/message.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { parseScript } from "../../../src/models/script-file.ts";
import { scriptView } from "../../../src/models/script-view.ts";
import { assistantMessage, userMessage } from "../../contract/model-provider-answer.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function soakScript() {
  await using folder = await tempFolder("soak-script");
  const { file } = await writeBenchScript(folder.path, SOAK_CONVERSATIONS);
  return parseScript(await Bun.file(file).text(), file);
}

describe("the script of a soak", () => {
  test("answers each message of a chat that goes on, whatever came before it", async () => {
    const script = await soakScript();
    const texts = [ONE_TOOL_CALL, NO_TOOL, "a shell, please", NO_TOOL, ONE_PLAN, ONE_TOOL_CALL, "a shell, please"];
    const messages: Message[] = [];
    const answers: number[] = [];
    for (const text of texts) {
      messages.push(userMessage(text));
      const turns = scriptView(script, messages)?.conversation.turns ?? [];
      for (const [index] of turns.entries()) {
        expect(scriptView(script, messages)).toMatchObject({ turnIndex: index });
        messages.push(assistantMessage([{ kind: "text", text: "so" }]));
      }
      answers.push(turns.length);
    }
    expect(answers).toEqual([2, 1, 2, 1, 2, 2, 2]);
  });

  test("has a run long enough to reach the bound of its workflow's history, by the activities alone", async () => {
    const script = await soakScript();
    const long = scriptView(script, [userMessage("a long run, please")])?.conversation.turns ?? [];
    const calls = long.flatMap(({ steps }) => steps.filter(({ kind }) => kind === "tool_call"));
    // Each is scheduled, started and completed; and each turn has a workflow task of three events for its answer, and one for its calls.
    const events = 3 * (long.length + calls.length) + 6 * long.length;
    expect(events).toBeGreaterThan(LIMITS.historyEvents);
    expect(long.length).toBeLessThan(LIMITS.modelCallsPerRun);
  });

  test("has a run alike of some turns, of which some end in two minutes on a busy machine", async () => {
    const script = await soakScript();
    const turnsOf = (text: string) => scriptView(script, [userMessage(text)])?.conversation.turns ?? [];
    const [some, long] = [turnsOf("some turns, please"), turnsOf("a long run, please")];
    expect(some).toHaveLength(4);
    expect(some[0]?.steps).toEqual(long[0]?.steps ?? []);
  });
});
