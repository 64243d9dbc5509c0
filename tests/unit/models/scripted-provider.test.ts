import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { JsonValue } from "../../../src/chat/json.ts";
import type { Message } from "../../../src/chat/message.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { ModelError, type ModelEvent, type ModelRequest } from "../../../src/models/model-provider.ts";
import { ScriptedProvider } from "../../../src/models/scripted-provider.ts";
import { answerOf, assistantMessage, resultsMessage, userMessage } from "../../contract/model-provider-answer.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const NEVER = new AbortController().signal;

/** A provider with one script, and how it is asked. */
async function playing(script: JsonValue | string, clock = systemClock) {
  const folder = await tempFolder("script");
  const file = join(folder.path, "script.yaml");
  await Bun.write(file, typeof script === "string" ? script : JSON.stringify(script));
  const provider = new ScriptedProvider(clock);
  const ask = (messages: readonly Message[], more: Partial<ModelRequest> = {}, signal = NEVER) =>
    provider.stream({ model: file, system: "", messages, tools: [], chatId: "chat_1", ...more }, signal);
  return { ask, file, [Symbol.asyncDispose]: folder.remove };
}

async function failureOf(events: AsyncIterable<ModelEvent>): Promise<ModelError> {
  try {
    for await (const _ of events);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("no failure came");
}

async function textOf(events: AsyncIterable<ModelEvent>): Promise<string> {
  const { blocks } = await answerOf(events);
  return blocks.flatMap((block) => (block.kind === "text" ? [block.text] : [])).join("|");
}

const COUNTER = {
  conversations: [
    {
      match: "counter",
      turns: [
        {
          steps: [
            { thinking: "Hm." },
            { text: "Let me look." },
            {
              tool_call: {
                name: "shell",
                id: "first",
                input: { command: "run {{last_user}}", depth: [1, "{{chat_id}}"] },
              },
            },
          ],
          usage: { input: 7, output: 3 },
        },
        {
          expect: { results: { first: { contains: "line", is_error: true } }, messages: 3 },
          capture: { line: { result: "shell", matches: "line (\\d+)" } },
          steps: [{ text: "It is line {{line}} of: {{result.first}}" }],
        },
      ],
    },
    { match: { equals: "other" }, turns: [{ steps: [{ text: "other it is" }] }, { steps: [{ text: "more" }] }] },
    { turns: [{ steps: [{ text: "open one" }] }, { steps: [{ text: "open two" }], stop: "length" }] },
  ],
};

describe("a scripted model", () => {
  test("plays a tool turn and goes on from what the tool gave", async () => {
    await using script = await playing(COUNTER);
    const question = userMessage("the counter is wrong");
    const first = await answerOf(script.ask([question]));
    expect(first).toEqual({
      blocks: [
        { kind: "thinking", text: "Hm." },
        { kind: "text", text: "Let me look." },
        {
          kind: "tool_call",
          toolCallId: "call_ours_2",
          providerCallId: "scripted-0-0-first",
          name: "shell",
          input: { command: "run the counter is wrong", depth: [1, "chat_1"] },
        },
      ],
      reason: "tool_calls",
      usage: { inputTokens: 7, outputTokens: 3, cachedInputTokens: 0, reasoningTokens: 0 },
    });
    const results = resultsMessage(first.blocks, { text: "fails in line 42", isError: true });
    const messages = [question, assistantMessage(first.blocks), results];
    expect(await textOf(script.ask(messages))).toBe("It is line 42 of: fails in line 42");
    expect(await textOf(script.ask(messages))).toBe("It is line 42 of: fails in line 42");
  });

  test("serves each chat by what its user wrote, and starts anew with the next message that fits", async () => {
    await using script = await playing(COUNTER);
    const said = assistantMessage([{ kind: "text", text: "said" }]);
    const hello = userMessage("hello");
    const other = userMessage("other");
    expect(await textOf(script.ask([hello]))).toBe("open one");
    expect(await textOf(script.ask([hello, said, userMessage("and then?")]))).toBe("open two");
    expect((await answerOf(script.ask([hello, said, hello]))).reason).toBe("length");
    expect(await textOf(script.ask([hello, said, other]))).toBe("other it is");
    expect(await textOf(script.ask([hello, said, other, said, hello]))).toBe("more");
    expect(await textOf(script.ask([other, said, other]))).toBe("other it is");
  });

  test("says which turn is missing", async () => {
    await using script = await playing(COUNTER);
    const said = assistantMessage([{ kind: "text", text: "said" }]);
    const error = await failureOf(script.ask([userMessage("other"), said, said]));
    expect(error.retryable).toBe(false);
    expect(error.message).toContain("turn 3 was asked for, the conversation has 2");
    expect(error.message).toContain(`${script.file}:1`);
  });

  test("says that no conversation fits", async () => {
    await using script = await playing({ conversations: [{ match: "x", turns: [{ steps: [] }] }] });
    expect((await failureOf(script.ask([userMessage("hello")]))).message).toContain("no conversation's match fits");
  });

  test("ends with a diff of everything that was not sent as expected", async () => {
    await using script = await playing({
      turns: [
        {
          expect: {
            last_user: { equals: "one\ntwo\nthree" },
            system: "be kind",
            messages: 2,
            tools: ["shell", "edit_file"],
          },
          steps: [{ text: "never" }],
        },
      ],
    });
    const tools = [{ name: "shell", description: "", inputSchema: {} }];
    const error = await failureOf(script.ask([userMessage("one\n2\nthree")], { system: "be quick", tools }));
    expect(error.retryable).toBe(false);
    expect(error.message).toEndWith(
      [
        "not sent as expected (- expected, + sent)",
        "last_user equals:",
        "  (1 line the same)",
        "- two",
        "+ 2",
        "  (1 line the same)",
        "system contains:",
        "- be kind",
        "+ be quick",
        "messages:",
        "- 2",
        "+ 1 (user)",
        "tools:",
        "- edit_file",
        "+ offered: shell",
      ].join("\n"),
    );
  });

  test("ends with a diff where a result is not as expected", async () => {
    await using script = await playing(COUNTER);
    const question = userMessage("counter");
    const first = await answerOf(script.ask([question]));
    const results = resultsMessage(first.blocks, { text: "all\ngreen" });
    const error = await failureOf(script.ask([question, assistantMessage(first.blocks), results]));
    expect(error.message).toContain("results.first contains:\n- line\n+ all\n+ green");
    expect(error.message).toContain("results.first.is_error:\n- true\n+ false");
    const without = await failureOf(script.ask([question, assistantMessage([]), userMessage("x")]));
    expect(without.message).toContain("results.first:\n- a result\n+ none was sent");
  });

  test("ends where a capture finds nothing that a text needs", async () => {
    await using script = await playing({
      turns: [{ capture: { port: { matches: "port (\\d+)" } }, steps: [{ text: "{{port}}" }] }],
    });
    expect((await failureOf(script.ask([userMessage("hello")]))).message).toContain("capture port found nothing");
    expect(await textOf(script.ask([userMessage("port 80")]))).toBe("80");
  });

  test("streams text in pieces of whole characters, at its pace", async () => {
    const clock = new ManualClock();
    await using script = await playing({ turns: [{ steps: [{ text: "aé😀b", chunk: 2, pace_ms: 10 }] }] }, clock);
    const texts: string[] = [];
    const reading = (async () => {
      for await (const event of script.ask([userMessage("x")])) if (event.kind === "delta") texts.push(event.text);
    })();
    await Bun.sleep(0);
    while (texts.length < 1) await clock.advance(1);
    expect(texts).toEqual(["aé"]);
    while (texts.length < 2) await clock.advance(1);
    await reading;
    expect(texts).toEqual(["aé", "😀b"]);
  });

  test("gives input that is not JSON as text", async () => {
    await using script = await playing({
      turns: [{ steps: [{ tool_call: { name: "shell", input_text: '{"command": ' } }] }],
    });
    const { blocks } = await answerOf(script.ask([userMessage("x")]));
    expect(blocks).toMatchObject([{ kind: "tool_call", input: '{"command": ' }]);
  });

  test("fails as the script says, in the attempts that it says", async () => {
    await using script = await playing({
      turns: [
        {
          steps: [
            { text: "So" },
            { error: { message: "overloaded", status: 529, retry_after_ms: 1500, attempts: 2 } },
            { text: "well" },
          ],
        },
      ],
    });
    for (const attempt of [undefined, 1, 2]) {
      const error = await failureOf(script.ask([userMessage("x")], attempt === undefined ? {} : { attempt }));
      expect(error).toMatchObject({ retryable: true, retryAfterMs: 1500 });
      expect(error.message).toContain("overloaded (529)");
    }
    expect(await textOf(script.ask([userMessage("x")], { attempt: 3 }))).toBe("So|well");
  });

  test("stops in the middle of a delay when it is aborted", async () => {
    await using script = await playing({ turns: [{ steps: [{ text: "a" }, { delay_ms: 600_000 }, { text: "b" }] }] });
    const cancel = new AbortController();
    const seen: ModelEvent[] = [];
    const reading = (async () => {
      for await (const event of script.ask([userMessage("x")], {}, cancel.signal)) {
        seen.push(event);
        if (event.kind === "block_ended") cancel.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    expect(seen).toHaveLength(3);
  });

  test("reads its file once", async () => {
    await using script = await playing({ turns: [{ steps: [{ text: "old" }] }] });
    expect(await textOf(script.ask([userMessage("x")]))).toBe("old");
    await Bun.write(script.file, JSON.stringify({ turns: [{ steps: [{ text: "new" }] }] }));
    expect(await textOf(script.ask([userMessage("x")]))).toBe("old");
  });

  test("tells the faults of its file, and reads it again once it is mended", async () => {
    await using script = await playing("turns: 3");
    expect((await failureOf(script.ask([userMessage("x")]))).message).toContain("line 1: turns:");
    await Bun.write(script.file, JSON.stringify({ turns: [{ steps: [{ text: "mended" }] }] }));
    expect(await textOf(script.ask([userMessage("x")]))).toBe("mended");
  });

  test("tells a file that is not there, no file, or too large", async () => {
    await using script = await playing("turns: 3");
    const ask = (model: string) => failureOf(script.ask([userMessage("x")], { model }));
    expect((await ask(`${script.file}.gone`)).message).toContain("ENOENT");
    expect((await ask(join(script.file, ".."))).message).toContain("not a file");
    await Bun.write(script.file, "#".repeat(2 * 1024 * 1024));
    expect((await ask(script.file)).message).toContain("at most 1048576 are read");
  });
});
