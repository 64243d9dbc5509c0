import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { runExecutable } from "../support/executable.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { measured } from "./support/counts.ts";
import { programFlags } from "./support/program-flags.ts";

const MINUTE = 60_000;

test(
  "two minutes under load leave memory, handles, connections and histories without a slope",
  async () => {
    await using folder = await tempFolder("soak");
    // Where we are root, Postgres is another user.
    await chmod(folder.path, 0o711);
    const run = await runExecutable({
      args: ["bench", "soak", "--stack", "local", "--duration", "2m", ...(await programFlags(folder.path))],
      timeoutMs: 8 * MINUTE,
    });
    measured("soak", `\n${run.stdout.trim()}`);
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
  },
  9 * MINUTE,
);
