import { expect, test } from "bun:test";
import { join } from "node:path";
import { SAVED_RUN } from "../../src/bench/report.ts";
import { runExecutable } from "../support/executable.ts";
import { programFlags } from "../support/program-flags.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { measured } from "./support/counts.ts";

const MINUTE = 60_000;
/** What must be watched: a series that is left out rises unseen. */
const SERIES = [
  ...["api", "worker", "gateway", "daemon"].flatMap((role) => [`${role}: memory`, `${role}: open files`]),
  "daemon: children",
  ...["Postgres: sessions", "Postgres: locks", "Postgres: rows written for a message"],
  ...["NATS: connections", "NATS: subscriptions"],
  ...["Temporal: workflows left over", "Temporal: longest history"],
  ...["api: write queue", "api: open transactions"],
];

test(
  "two minutes under load: memory, handles, connections and histories do not rise by more than a steady process shows",
  async () => {
    await using folder = await tempFolder("soak");
    const file = join(folder.path, "soak.json");
    const flags = ["--duration", "2m", "--json", file, ...(await programFlags(folder.path))];
    const run = await runExecutable({
      args: ["bench", "soak", "--stack", "local", ...flags],
      timeoutMs: 8 * MINUTE,
    });
    measured("soak", `\n${run.stdout.trim()}`);
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
    expect(run.stdout).toContain("- soak: nothing rises\n");
    const { figures, watched } = SAVED_RUN.parse(await Bun.file(file).json());
    expect(watched.map(({ what }) => what).toSorted()).toEqual(SERIES.toSorted());
    expect(figures.find(({ id }) => id === "soak.long_runs")?.value).toBeGreaterThan(0);
  },
  9 * MINUTE,
);
