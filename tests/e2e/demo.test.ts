import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { builtExecutable } from "../support/executable.ts";
import { tempFolder } from "../support/temp-folder.ts";

const DEMO = join(import.meta.dir, "../demo/demo.ts");
const MINUTE = 60_000;

test(
  "the demo has an agent mend a failing test, in plain text where there is no terminal, and leaves nothing behind",
  async () => {
    await using folder = await tempFolder("demo");
    const { PATH = "" } = process.env;
    const demo = await ManagedProcess.start({
      command: [process.execPath, "run", DEMO],
      env: { PATH, HOME: folder.path, TMPDIR: folder.path, RELIANT_TEST_EXECUTABLE: await builtExecutable() },
      cwd: folder.path,
    });
    expect((await demo.awaitExit(MINUTE)).code, demo.newestOutput()).toBe(0);
    const story = [
      "✗ shell failed",
      "✓ edit_file done",
      "✓ shell done",
      "+  return Math.round(cents * (1 + percent / 100));",
    ];
    const places = story.map((part) => demo.stdout.indexOf(part));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(demo.stdout).toContain("dist/reliant monolith");
    expect(demo.stdout).not.toContain("\u001b");
    expect((await readdir(folder.path)).filter((name) => name.startsWith("reliant-demo"))).toEqual([]);
  },
  2 * MINUTE,
);
