import { choice, FILE_PATH, LIST, ON_OFF, PATH } from "./kinds.ts";
import { OPTIONAL, setting } from "./row.ts";

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

/** Rows of the settings table that `reliant chaos` takes: they have no environment variable. */
export const CHAOS_FLAGS = {
  stack: setting(
    "--stack",
    undefined,
    choice("local"),
    { chaos: OPTIONAL },
    "local: start a stack of its own, with every server; without it, work against --server and --gateway",
  ),
  chats: setting("--chats", undefined, { name: "integer", min: 1, max: 40 }, { chaos: 8 }, "Chats that are kept going"),
  daemons: setting(
    "--daemons",
    undefined,
    { name: "integer", min: 1, max: 20 },
    { chaos: 3 },
    "Daemons that their tools run on",
  ),
  faults: setting(
    "--faults",
    undefined,
    LIST,
    { chaos: [] },
    "Comma-separated faults, * for any text, as in kill-*,away-nats (default all)",
  ),
  rounds: setting(
    "--rounds",
    undefined,
    { name: "integer", min: 1, max: 10_000 },
    { chaos: OPTIONAL },
    "Rotations through the faults (default 1; with --duration as many as fit)",
  ),
  durationMs: setting(
    "--duration",
    undefined,
    { name: "duration", minMs: SECOND, maxMs: DAY },
    { chaos: OPTIONAL },
    "Time after which no fault begins, as in 90s, 30m or 8h",
  ),
  seed: setting(
    "--seed",
    undefined,
    { name: "integer", min: 0, max: 2 ** 32 - 1 },
    { chaos: OPTIONAL },
    "Number that the order of the faults follows from (default: a new one, which is printed)",
  ),
  awayMs: setting(
    "--away",
    undefined,
    { name: "duration", minMs: SECOND, maxMs: DAY },
    { chaos: 60 * SECOND },
    "How long NATS, Postgres and Temporal are away",
  ),
  strict: setting(
    "--strict",
    undefined,
    ON_OFF,
    { chaos: false },
    "Fail where a fault is not possible here, or had no time",
  ),
  jsonFile: setting(
    "--json",
    undefined,
    FILE_PATH,
    { chaos: OPTIONAL, bench: OPTIONAL },
    "File that takes the whole outcome as JSON",
  ),
  writeScript: setting(
    "--write-script",
    undefined,
    FILE_PATH,
    { chaos: OPTIONAL },
    "Write the script that the workers of a stack must play to this file, and end",
  ),
  natsServer: setting(
    "--nats-server",
    undefined,
    FILE_PATH,
    { chaos: OPTIONAL, bench: OPTIONAL },
    "The program nats-server (default: found)",
  ),
  temporalCli: setting(
    "--temporal-cli",
    undefined,
    FILE_PATH,
    { chaos: OPTIONAL, bench: OPTIONAL },
    "The program temporal (default: found)",
  ),
  postgresBin: setting(
    "--postgres-bin",
    undefined,
    PATH,
    { chaos: OPTIONAL, bench: OPTIONAL },
    "The folder that holds postgres and initdb (default: found)",
  ),
} as const;
