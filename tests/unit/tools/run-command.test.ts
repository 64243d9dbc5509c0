import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/core/clock.ts";
import { newId } from "../../../src/core/ids.ts";
import { runCommand } from "../../../src/tools/run-command.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("a command that ran", () => {
  test("has its exit code and output also where the processes that it left cannot be looked for", async () => {
    await using folder = await tempFolder("command");
    const end = await runCommand(
      { program: "/bin/sh", args: ["-c", "echo done; exit 3"], folder: folder.path, environment: process.env },
      {
        toolCallId: newId("call"),
        signal: new AbortController().signal,
        roots: [folder.path],
        output: () => undefined,
        clock: systemClock,
      },
      async () => {
        throw new Error("EMFILE: too many open files, scandir '/proc'");
      },
    );
    expect(end).toMatchObject({ exitCode: 3, text: "done\n" });
    expect(end.note).toContain("EMFILE");
  });
});
