import { expect, test } from "bun:test";
import { runExecutable } from "../support/executable.ts";
import { programFlags } from "../support/program-flags.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { measured } from "./support/counts.ts";

const MINUTE = 60_000;

test(
  "two minutes under load: memory, handles, connections and histories do not rise by more than a steady process shows",
  async () => {
    await using folder = await tempFolder("soak");
    const run = await runExecutable({
      args: ["bench", "soak", "--stack", "local", "--duration", "2m", ...(await programFlags(folder.path))],
      timeoutMs: 8 * MINUTE,
    });
    measured("soak", `\n${run.stdout.trim()}`);
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
  },
  9 * MINUTE,
);
