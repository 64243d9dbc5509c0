import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ChaosOutcome, type ChaosPlan, passed, runChaos, showsAnything } from "../chaos/chaos-run.ts";
import { chaosScript } from "../chaos/chaos-script.ts";
import { chosenFaults } from "../chaos/fault-choice.ts";
import { verdictLines } from "../chaos/fault-report.ts";
import { localTarget } from "../chaos/local-target.ts";
import { ownTarget } from "../chaos/own-target.ts";
import type { Target } from "../chaos/target.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { ERROR_TABLE, messageOf, ReliantError } from "../core/errors.ts";
import { startLocalStack } from "../stack/local-stack.ts";
import { findServerPrograms } from "../stack/server-programs.ts";
import type { CommandContext } from "./command-context.ts";

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
  await using cleanup = new AsyncDisposableStack();
  const folder = await workFolder(settings, cleanup);
  const target = await openTarget(settings, folder, cleanup, context);
  await print(
    `chaos on ${target.name}: ${faults.length} faults, ${plan.chats} chats on ${target.daemons.length} daemons, --seed ${seed}`,
  );
  const outcome = await runChaos(plan, { target, clock, print }, context.signal);
  await print("");
  for (const line of verdictLines(outcome.verdict)) await print(line);
  const good = passed(outcome, settings.strict);
  const empty = outcome.verdict.holds && !showsAnything(outcome);
  if (empty) await print("nothing was shown: no fault was made, or no chat had a turn");
  else await print(good ? "held: nothing lost, nothing twice" : "FAILED");
  if (settings.jsonFile !== undefined)
    await writeJson(resolve(settings.jsonFile), outcome, { seed, good, plan, target });
  if (!good && !(empty && context.signal.aborted)) return ERROR_TABLE.internal.exitCode;
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

/** A new folder: in the one of `--data-dir`, where it is kept, or one that goes with the command. */
async function workFolder(settings: Settings, cleanup: AsyncDisposableStack): Promise<string> {
  const parent = resolve(settings.dataDir ?? tmpdir());
  await mkdir(parent, { recursive: true });
  const folder = await realpath(await mkdtemp(join(parent, "reliant-chaos-")));
  if (settings.dataDir === undefined) {
    cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  }
  return folder;
}

async function writeScript(path: string, context: Context): Promise<number> {
  await saved(path, chaosScript());
  await context.write(`${path}: start every worker with --scripted-model ${path}\n`);
  return 0;
}

async function writeJson(
  path: string,
  outcome: ChaosOutcome,
  more: { readonly seed: number; readonly good: boolean; readonly plan: ChaosPlan; readonly target: Target },
): Promise<void> {
  const { seed, good, plan, target } = more;
  const { totals, findings, told } = outcome.verdict;
  const run = { stack: target.name, seed, chats: plan.chats, daemons: target.daemons.length, awayMs: plan.awayMs };
  await saved(
    path,
    `${JSON.stringify({ ...run, passed: good, totals, findings, told, faults: outcome.rows }, null, 2)}\n`,
  );
}

async function saved(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new ReliantError("failed_precondition", `write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
