import { open } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { COUNTER_FILE } from "./turn-plan.ts";

/** When the tool of each call started on a daemon's machine, by the call's mark: seconds since the epoch. */
export type Counts = ReadonlyMap<string, readonly number[]>;

/** What the tools of a daemon's machine wrote, outside the ledger. A machine on which none ran has no file. */
export async function readCounts(projectFolder: string): Promise<Counts> {
  const path = join(projectFolder, COUNTER_FILE);
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > TRIAL_LIMITS.chaosCounterBytes) {
      throw new ReliantError(
        "resource_exhausted",
        `read ${path}: ${size} bytes, at most ${TRIAL_LIMITS.chaosCounterBytes} are read`,
        {
          hint: "a shorter --duration, or fewer --chats",
        },
      );
    }
    return parseCounts(await file.readFile("utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    if (error instanceof ReliantError) throw error;
    throw new ReliantError("internal", `read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A line that is none of ours counts under its whole text, so that it is found as one that nobody asked for. */
function parseCounts(text: string): Counts {
  const counts = new Map<string, number[]>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, mark = line, second = "0"] = /^(\S+) (\d+)$/.exec(line) ?? [];
    const starts = counts.get(mark) ?? [];
    starts.push(Number(second));
    counts.set(mark, starts);
  }
  return counts;
}
