import { describe, expect, test } from "bun:test";
import { ReliantError } from "../../../src/core/errors.ts";
import { parseScript } from "../../../src/models/script-file.ts";

function faultOf(text: string): string {
  try {
    parseScript(text, "demo.yaml");
  } catch (error) {
    if (error instanceof ReliantError && error.code === "invalid_argument") return error.message;
    throw error;
  }
  throw new Error("no fault was found");
}

describe("a script's file", () => {
  test("is read with its lines, its defaults and its shorthands", () => {
    const script = parseScript(
      `defaults: { chunk: 4, pace_ms: 10 }
turns:
  - expect: { last_user: hello }
    steps:
      - text: hi there
      - { text: at once, chunk: 100, pace_ms: 0 }
  - steps:
      - error: { message: too much, status: 429 }
`,
      "demo.yaml",
    );
    const [conversation] = script.conversations;
    expect(conversation?.match).toBeUndefined();
    expect(conversation?.turns.map((turn) => turn.line)).toEqual([3, 7]);
    expect(conversation?.turns[0]?.expect.lastUser).toEqual({ contains: "hello" });
    expect(conversation?.turns[0]?.steps).toEqual([
      { kind: "say", block: "text", text: "hi there", pace: { chunk: 4, paceMs: 10 } },
      { kind: "say", block: "text", text: "at once", pace: { chunk: 100, paceMs: 0 } },
    ]);
    expect(conversation?.turns[1]?.steps).toMatchObject([{ kind: "error", retryable: true, attempts: undefined }]);
  });

  test("tells all faults at once, each with its line", () => {
    const message = faultOf(`description: faulty
turns:
  - expect:
      last_usr: typo
    steps:
      - text: fine
      - { text: two, thinking: things }
      - delay_ms: -1
  - step: []
`);
    expect(message).toStartWith("read script demo.yaml: 5 faults:");
    expect(message).toContain('line 4: turns[0].expect: unknown key "last_usr"');
    expect(message).toContain("line 7: turns[0].steps[1]: a step has one of");
    expect(message).toContain("line 8: turns[0].steps[2].delay_ms:");
    expect(message).toContain("line 9: turns[1].steps:");
    expect(message).toContain('line 9: turns[1]: unknown key "step"');
  });

  test("tells YAML that cannot be read, with its lines", () => {
    const message = faultOf("turns:\n  - steps: [\n  - text: {{x}\n");
    expect(message).toMatch(/line [234]: /);
  });

  test("tells what templates, expectations and captures name that nothing defines", () => {
    const message = faultOf(`turns:
  - steps:
      - text: "{{nobody}} \\\\{{kept}} {{last_user}}"
      - tool_call: { name: shell, id: first, input: { command: "{{result.later}}" } }
  - expect:
      results: { frist: done, shell: done }
    capture:
      chat_id: { matches: x }
    steps:
      - tool_call: { name: shell, id: first }
`);
    expect(message).toContain("line 3: turns[0].steps[0].text: {{nobody}} is not defined");
    expect(message).toContain("line 4: turns[0].steps[1].tool_call: no earlier turn calls later");
    expect(message).toContain(
      "line 6: turns[1].expect.results.frist: no earlier turn calls frist; there are shell, first",
    );
    expect(message).toContain("line 8: turns[1].capture.chat_id: chat_id is a name of its own");
    expect(message).toContain("line 10: turns[1].steps[0].tool_call.id: the label first is given twice");
    expect(message).toContain("5 faults");
  });

  for (const [what, text, fault] of [
    ["an empty file", "", "expected object"],
    [
      "a file with both turns and conversations",
      "turns: [{steps: []}]\nconversations: [{turns: [{steps: []}]}]",
      "either",
    ],
    ["a file with neither", "description: nothing", "either turns or conversations"],
    ["two conversations without match", "conversations: [{turns: [{steps: []}]}, {turns: [{steps: []}]}]", "only one"],
    [
      "a regular expression that is none",
      "turns: [{expect: {system: {matches: '('}}, steps: []}]",
      "regular expression",
    ],
    ["a key that is given twice", "turns: []\nturns: []", "unique"],
    [
      "aliases that grow beyond measure",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nturns: [*c,*c,*c]`,
      "alias",
    ],
  ] as const) {
    test(`refuses ${what}`, () => {
      expect(faultOf(text)).toContain(fault);
    });
  }
});
