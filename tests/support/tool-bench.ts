import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ToolResult } from "../../src/chat/message.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { createToolCatalog, type ToolCatalogOptions } from "../../src/tools/catalog.ts";
import type { OutputChannel, ToolContext } from "../../src/tools/tool.ts";
import { tempFolder } from "./temp-folder.ts";

/** A project folder with tools that work in it, for `await using bench = await toolBench()`. Beside it is `outside`. */
export async function toolBench(options: ToolCatalogOptions = { ripgrep: () => undefined }) {
  const folder = await tempFolder("tools");
  const root = join(folder.path, "project");
  const outside = join(folder.path, "outside");
  await mkdir(root);
  await mkdir(outside);
  const catalog = createToolCatalog(options);
  const live: { channel: OutputChannel; text: string }[] = [];

  return {
    root,
    outside,
    live,
    outputFile: join(folder.path, "output.log"),
    [Symbol.asyncDispose]: folder.remove,

    /** Writes files into the project. */
    async files(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, name)), { recursive: true });
        await Bun.write(join(root, name), content);
      }
    },

    read: (name: string) => Bun.file(join(root, name)).text(),

    /** Runs a tool as a daemon does; an input that does not fit is a mistake of the test. */
    async run(name: string, input: unknown, more: Partial<ToolContext> = {}): Promise<ToolResult> {
      const parsed = catalog.parse(name, input);
      if (parsed.kind === "unfit") throw new Error(parsed.text);
      return parsed.tool.run(parsed.input, {
        toolCallId: newId("call"),
        signal: new AbortController().signal,
        roots: [root],
        outputFile: join(folder.path, "output.log"),
        output: (channel, data) => live.push({ channel, text: new TextDecoder().decode(data) }),
        clock: systemClock,
        ...more,
      });
    },
  };
}
