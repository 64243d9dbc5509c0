import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CommandEntry } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { callCli } from "../unit/cli/fake-terminal.ts";

/**
 * The help of every command, as people see it. After a change that is meant:
 * `UPDATE_GOLDEN=1 bun test tests/golden`, then read the difference before you commit it.
 */
const FOLDER = join(import.meta.dir, "help");
const UPDATE = process.env.UPDATE_GOLDEN === "1";

const paths = pathsOf(COMMANDS, []);

function pathsOf(entry: CommandEntry, path: readonly string[]): readonly (readonly string[])[] {
  if (entry.kind === "command") return [path];
  return [path, ...entry.entries.flatMap((child) => pathsOf(child, [...path, child.name]))];
}

function fileOf(path: readonly string[]): string {
  return `${["reliant", ...path].join("-")}.txt`;
}

describe("the help of", () => {
  for (const path of paths) {
    test(`reliant ${path.join(" ")} is as in tests/golden/help/${fileOf(path)}`, async () => {
      const { exitCode, out } = await callCli([...path, "--help"]);
      const file = Bun.file(join(FOLDER, fileOf(path)));
      if (UPDATE) await Bun.write(file, out);
      expect(out).toBe(await file.text());
      expect(exitCode).toBe(0);
    });
  }

  test("every golden file belongs to a command", async () => {
    expect((await readdir(FOLDER)).sort()).toEqual(paths.map(fileOf).sort());
  });

  test("a command is the same after `help`, by -h, and among other flags", async () => {
    const asked = await callCli(["server", "api", "--help"]);
    expect(await callCli(["help", "server", "api"])).toEqual(asked);
    expect(await callCli(["server", "api", "-h"])).toEqual(asked);
    expect(await callCli(["server", "api", "--frobnicate", "--help"])).toEqual(asked);
  });
});
