import { ANY_FILE, choice } from "./kinds.ts";
import { OPTIONAL, setting } from "./row.ts";

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

/** Rows of the settings table that only `reliant bench` takes: they have no environment variable. */
export const BENCH_FLAGS = {
  benchStack: setting(
    "--stack",
    undefined,
    choice("local"),
    { bench: OPTIONAL },
    "local: on servers that it starts itself, the default where there is no --server or RELIANT_SERVER",
  ),
  compareFile: setting(
    "--compare",
    undefined,
    ANY_FILE,
    { bench: OPTIONAL },
    "A run that --json saved: show the change of each figure",
  ),
  soakMs: setting(
    "--duration",
    undefined,
    { name: "duration", minMs: 30 * SECOND, maxMs: DAY },
    { bench: OPTIONAL },
    "How long the part soak lasts, as in 2m, 30m or 8h (default 2m)",
  ),
} as const;
