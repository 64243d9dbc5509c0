import type { Host } from "../config/host.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { daemonFiles } from "./daemon-files.ts";
import { tailLog } from "./log-tail.ts";
import { findDaemonProcess } from "./pid-file.ts";
import { processMark } from "./process-mark.ts";
import { type DaemonStatus, type GaveUp, readGaveUp, readStatus } from "./status-file.ts";

/** Exit code of `daemon status` where no daemon runs, as `systemctl status` has it (LSB: "program is not running"). */
const NOT_RUNNING = 3;

/** What these commands need of the command line. */
export interface LifecycleContext {
  readonly signal: AbortSignal;
  readonly host: Host;
  write(text: string): Promise<void>;
}

/** `daemon status`: exit code 0 where it runs, connected or not; 3 where it does not. */
export async function showDaemonStatus(settings: SettingsOf<"status">, context: LifecycleContext): Promise<number> {
  const files = daemonFiles(context.host, settings.dataDir);
  const pid = await findDaemonProcess(files.pid);
  const status = pid === undefined ? undefined : await readStatus(files.status, pid);
  const gaveUp = pid === undefined ? await readGaveUp(files.status) : undefined;
  const facts = { ...(pid === undefined ? {} : { pid }), ...(gaveUp === undefined ? {} : { gaveUp }), ...status };
  const text = settings.json
    ? `${JSON.stringify({ running: pid !== undefined, folder: files.folder, ...facts })}\n`
    : statusText(files.folder, pid, status, gaveUp);
  await context.write(text);
  return pid === undefined ? NOT_RUNNING : 0;
}

/**
 * `daemon stop`: SIGTERM, then waits until the process has ended. Running tools are ended, their calls are told as
 * cancelled. `--force`: SIGKILL; what a tool had started may go on, and its call becomes `unknown`.
 */
export async function stopDaemon(settings: SettingsOf<"stop">, context: LifecycleContext): Promise<number> {
  const files = daemonFiles(context.host, settings.dataDir);
  const pid = await findDaemonProcess(files.pid);
  if (pid === undefined) {
    await context.write(`No daemon runs on ${files.folder}.\n`);
    return 0;
  }
  // The process itself is watched: its file is gone before it is.
  const mark = await processMark(pid);
  send(pid, settings.force ? "SIGKILL" : "SIGTERM");
  const givenUpAt = systemClock.now() + LIMITS.drainMs + LIMITS.toolEndMs + LIMITS.streamCloseMs * 2;
  while (mark !== undefined && (await processMark(pid)) === mark) {
    if (systemClock.now() > givenUpAt) {
      throw new ReliantError("deadline_exceeded", `stop daemon ${pid}: it has not ended`, {
        hint: "reliant daemon stop --force",
      });
    }
    await systemClock.sleep(LIMITS.daemonStopPollMs, context.signal);
  }
  await context.write(`The daemon ${pid} was ${settings.force ? "killed" : "stopped"}.\n`);
  return 0;
}

/** `daemon logs`: the last lines, and with `--follow` what comes, until Ctrl-C. */
export async function showDaemonLogs(settings: SettingsOf<"logs">, context: LifecycleContext): Promise<number> {
  const { log } = daemonFiles(context.host, settings.dataDir);
  const lines = tailLog(log, { follow: settings.follow, clock: systemClock, signal: context.signal });
  for await (const text of lines) await context.write(text);
  return 0;
}

function send(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return;
    throw new ReliantError("permission_denied", `stop daemon ${pid}: ${messageOf(error)}`, { cause: error });
  }
}

function statusText(
  folder: string,
  pid: number | undefined,
  status: DaemonStatus | undefined,
  gaveUp: GaveUp | undefined,
): string {
  if (pid === undefined) return `No daemon runs on ${folder}. ${endText(gaveUp)}\n`;
  if (status === undefined) return `running   process ${pid}, data in ${folder}\nlink      starting\n`;
  const lines = [
    `running   process ${pid}, data in ${folder}`,
    `gateway   ${status.gateway}`,
    `link      ${linkText(status.link)}`,
    `calls     ${status.openCalls} open, ${status.runningCalls} running`,
    ...(status.unknownFrames === 0 ? [] : [`skipped   ${skippedText(status.unknownFrames)}`]),
    `since     ${new Date(status.sinceMs).toISOString()}`,
  ];
  return `${lines.join("\n")}\n`;
}

function skippedText(frames: number): string {
  const what = `${frames} ${frames === 1 ? "frame" : "frames"} that this daemon does not know`;
  return `${what}: the gateway is newer, update reliant here`;
}

function endText(gaveUp: GaveUp | undefined): string {
  if (gaveUp === undefined) return "Start one with: reliant daemon start";
  const { reason, hint, sinceMs } = gaveUp;
  const advice = hint === "" ? "" : `\ntry       ${hint}`;
  return `The last one gave up.\nwhy       ${reason}${advice}\nsince     ${new Date(sinceMs).toISOString()}`;
}

function linkText(link: DaemonStatus["link"]): string {
  switch (link.kind) {
    case "connecting":
      return "connecting";
    case "connected":
      return `connected as ${link.daemonId}, epoch ${link.epoch}, to ${link.gatewayId}`;
    case "waiting":
      return `not connected: ${link.reason}; next attempt within ${Math.ceil(link.waitMs / 1000)} s`;
    case "disconnected":
      return `not connected: ${link.reason}`;
    case "gave_up":
      return `gave up: ${link.reason}`;
  }
}
