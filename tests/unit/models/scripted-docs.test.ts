import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseScript } from "../../../src/models/script-file.ts";
import { scriptJsonSchema } from "../../../src/models/script-schema.ts";

const MODELS = join(import.meta.dir, "../../../src/models");

describe("what is written about scripts", () => {
  test("scripted.schema.json is the format: else run bun tests/unit/models/write-scripted-schema.ts", async () => {
    expect(await Bun.file(join(MODELS, "scripted.schema.json")).json()).toEqual(scriptJsonSchema());
  });

  test("the example of scripted.md is a script", async () => {
    const text = await Bun.file(join(MODELS, "scripted.md")).text();
    const example = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
    const script = parseScript(example, "scripted.md");
    expect(script.conversations.map(({ turns }) => turns.length)).toEqual([3]);
  });
});
