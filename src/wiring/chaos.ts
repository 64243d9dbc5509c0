import { mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ChaosOutcome, type ChaosPlan, passed, runChaos, showsAnything } from "../chaos/chaos-run.ts";
import { chaosScript } from "../chaos/chaos-script.ts";
import { chosenFaults } from "../chaos/fault-choice.ts";
import { countLines, verdictLines } from "../chaos/fault-report.ts";
import { localTarget } from "../chaos/local-target.ts";
import { ownTarget } from "../chaos/own-target.ts";
import type { Target } from "../chaos/target.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { ERROR_TABLE, messageOf, ReliantError } from "../core/errors.ts";
import { startLocalStack } from "../stack/local-stack.ts";
import { findServerPrograms } from "../stack/server-programs.ts";
import type { CommandContext } from "./command-context.ts";
import { openReport } from "./open-report.ts";

type Settings = SettingsOf<"chaos">;
type Context = CommandContext & { write(text: string): Promise<void> };

/** Replicas of each role of a local stack: the least with which another can take over. */
const REPLICAS = { apis: 2, gateways: 2, workers: 2 };

/** `reliant chaos`. Exit code 0: nothing was lost, doubled, stuck or missed; 1: something was, or nothing was shown; 130: ended by the user before that. */
export async function runChaosCommand(settings: Settings, context: Context): Promise<number> {
  if (settings.writeScript !== undefined) return writeScript(resolve(settings.writeScript), context);
  const faults = chosenFaults(settings.faults);
  const clock = systemClock;
  const seed = settings.seed ?? clock.now() % 2 ** 32;
  const plan: ChaosPlan = {
    ...{ faults, seed, chats: settings.chats, awayMs: settings.awayMs },
    rounds: settings.rounds ?? (settings.durationMs === undefined ? 1 : undefined),
    durationMs: settings.durationMs,
  };
  const print = (line: string) => context.write(`${line}\n`);
  const report = settings.jsonFile === undefined ? undefined : await openReport(settings.jsonFile);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => report?.close());
  const work = await workFolder(settings, cleanup);
  const { folder } = work;
  const target = await openTarget(settings, folder, cleanup, context);
  await print(
    `chaos on ${target.name}: ${faults.length} faults, ${plan.chats} chats on ${target.daemons.length} daemons, --seed ${seed}`,
  );
  const outcome = await runChaos(plan, { target, clock, print }, context.signal);
  await print("");
  for (const line of [...verdictLines(outcome.verdict), ...countLines(outcome.rows)]) await print(line);
  const good = passed(outcome, settings.strict);
  if (outcome.made < outcome.asked) await print(`${outcome.made} of ${outcome.asked} faults made`);
  const empty = outcome.verdict.holds && !showsAnything(outcome);
  if (empty) await print("nothing was shown: no fault was made, or no chat had a turn");
  else await print(good ? "held: nothing lost, nothing twice" : "FAILED");
  const failed = !good && !(empty && context.signal.aborted);
  if (failed) {
    work.keepLogs();
    await print(`logs: ${join(folder, "logs")}`);
  }
  await report?.write(reportOf(outcome, { seed, good, plan, target }));
  if (failed) return ERROR_TABLE.internal.exitCode;
  return context.signal.aborted ? ERROR_TABLE.cancelled.exitCode : 0;
}

async function openTarget(
  settings: Settings,
  folder: string,
  cleanup: AsyncDisposableStack,
  context: Context,
): Promise<Target> {
  const { signal, warn } = context;
  if (settings.stack === undefined) return ownTarget(addressOf(settings), { folder, cleanup, signal, warn });
  const programs = await findServerPrograms(settings);
  const script = join(folder, "chaos.yaml");
  await writeFile(script, chaosScript());
  const temporary = settings.dataDir === undefined;
  const starting: Promise<void>[] = [];
  const stack = cleanup.use(
    await startLocalStack({
      ...{ programs, folder, script, temporary, executable: process.execPath, signal },
      log: (line) => starting.push(context.write(`${line}\n`)),
      ...REPLICAS,
    }),
  );
  await Promise.all(starting);
  return localTarget(stack, settings.daemons, cleanup);
}

/** Where a stack of the user's own is. Throws `usage`, saying what is missing. */
function addressOf(settings: Settings) {
  const { server, gatewayUrl, token } = settings;
  const missing = [
    server === undefined ? "--server" : "",
    gatewayUrl === undefined ? "--gateway" : "",
    token === undefined ? "--token" : "",
  ].filter((flag) => flag !== "");
  if (server === undefined || gatewayUrl === undefined || token === undefined) {
    throw new ReliantError("usage", `name a stack: ${missing.join(", ")} missing`, {
      hint: "--stack local starts one on this machine; --server, --gateway and --token name one that runs",
    });
  }
  return {
    ...{ server, gateway: gatewayUrl, token: token.reveal(), daemons: settings.daemons },
    model: settings.model ?? "scripted/default",
    verifyTls: settings.tlsMode !== "insecure_tls_skip_verify",
    executable: process.execPath,
  };
}

/** A new folder: in the one of `--data-dir`, where it is kept, or one that goes with the command, but for its logs where they are asked for. */
async function workFolder(settings: Settings, cleanup: AsyncDisposableStack) {
  const parent = resolve(settings.dataDir ?? tmpdir());
  await mkdir(parent, { recursive: true });
  const folder = await realpath(await mkdtemp(join(parent, "reliant-chaos-")));
  let logs = false;
  cleanup.defer(async () => {
    // Nothing came into it where the start failed.
    if (settings.dataDir !== undefined) await rmdir(folder).catch(() => undefined);
    else if (logs) await leaveLogs(folder);
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const keepLogs = () => {
    logs = true;
  };
  return { folder, keepLogs };
}

/** Removes all but `logs`, where those of the servers, which have folders of their own, join those of the roles and daemons. */
async function leaveLogs(folder: string): Promise<void> {
  const logs = join(folder, "logs");
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path === logs) continue;
    await rename(join(path, `${name}.log`), join(logs, `${name}.log`)).catch(() => undefined);
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function writeScript(path: string, context: Context): Promise<number> {
  try {
    await writeFile(path, chaosScript());
  } catch (error) {
    throw new ReliantError("failed_precondition", `write ${path}: ${messageOf(error)}`, { cause: error });
  }
  await context.write(`${path}: start every worker with --scripted-model ${path}\n`);
  return 0;
}

function reportOf(
  outcome: ChaosOutcome,
  more: { readonly seed: number; readonly good: boolean; readonly plan: ChaosPlan; readonly target: Target },
) {
  const { seed, good, plan, target } = more;
  const { asked, made, rows } = outcome;
  const { totals, findings, told } = outcome.verdict;
  const run = { stack: target.name, seed, chats: plan.chats, daemons: target.daemons.length, awayMs: plan.awayMs };
  return { ...run, passed: good, asked, made, totals, findings, told, faults: rows };
}
