import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { messageOf, type ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { DaemonState } from "./daemon.ts";
import { readSmallFile, writePrivateFile } from "./settings-file.ts";

const LINK = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("connecting") }),
  z.object({ kind: z.literal("connected"), epoch: z.number(), gatewayId: z.string(), daemonId: z.string() }),
  z.object({ kind: z.literal("waiting"), reason: z.string(), waitMs: z.number() }),
  z.object({ kind: z.literal("disconnected"), reason: z.string() }),
  z.object({ kind: z.literal("gave_up"), reason: z.string(), hint: z.string() }),
]);

const FILE = z.object({
  pid: z.number(),
  gateway: z.string(),
  link: LINK,
  openCalls: z.number(),
  runningCalls: z.number(),
  /** Not told by a daemon of an earlier release. */
  unknownFrames: z.number().default(0),
  /** When this became so, milliseconds since 1970. */
  sinceMs: z.number(),
});

/** What a running daemon says of itself, for `daemon status`. */
export type DaemonStatus = z.output<typeof FILE>;

/** The status of the process; undefined where it has said nothing yet, or another one did. */
export async function readStatus(path: string, pid: number): Promise<DaemonStatus | undefined> {
  const status = await readNewest(path);
  return status?.pid === pid ? status : undefined;
}

/** Why the newest process gave up; undefined where it was stopped, or has only vanished. To be asked where none runs. */
export async function readGaveUp(path: string): Promise<GaveUp | undefined> {
  const status = await readNewest(path);
  if (status?.link.kind !== "gave_up") return undefined;
  const { reason, hint } = status.link;
  return { reason, hint, sinceMs: status.sinceMs };
}

export interface GaveUp {
  readonly reason: string;
  /** What to do; may be empty. */
  readonly hint: string;
  readonly sinceMs: number;
}

async function readNewest(path: string): Promise<DaemonStatus | undefined> {
  const text = await readSmallFile(path);
  if (text === undefined) return undefined;
  try {
    return FILE.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Keeps the file up to date: a change is written within `LIMITS.daemonStatusMs`, and no more often. Nothing is written while nothing changes. */
export class StatusWriter {
  private readonly log = logger("daemon", "status");
  private pending: DaemonStatus | undefined;
  private last: DaemonState | undefined;
  private writing: Promise<void> = Promise.resolve();
  private stopTimer: (() => void) | undefined;

  constructor(
    private readonly path: string,
    private readonly gateway: string,
    private readonly clock: Clock,
  ) {}

  take(state: DaemonState): void {
    if (this.last !== undefined && Bun.deepEquals(this.last, state)) return;
    this.last = state;
    this.pending = { pid: process.pid, gateway: this.gateway, ...state, sinceMs: this.clock.now() };
    this.stopTimer ??= this.clock.after(LIMITS.daemonStatusMs, () => {
      this.stopTimer = undefined;
      this.writing = this.writing.then(() => this.write());
    });
  }

  /** The process ends because no further attempt can help: whoever asks for the status later reads why. */
  async gaveUp(error: ReliantError): Promise<void> {
    this.stopTimer?.();
    await this.writing;
    const link = { kind: "gave_up", reason: error.message, hint: error.hint ?? "" } as const;
    const { openCalls = 0, unknownFrames = 0 } = this.last ?? {};
    const counts = { openCalls, runningCalls: 0, unknownFrames };
    this.pending = { pid: process.pid, gateway: this.gateway, link, ...counts, sinceMs: this.clock.now() };
    await this.write();
  }

  /** Nothing is written after it. */
  async close(): Promise<void> {
    this.stopTimer?.();
    await this.writing;
  }

  private async write(): Promise<void> {
    const { pending } = this;
    this.pending = undefined;
    if (pending === undefined) return;
    try {
      await writePrivateFile(this.path, `${JSON.stringify(pending)}\n`);
    } catch (error) {
      this.log.warn("status not written", { error: messageOf(error) });
    }
  }
}
