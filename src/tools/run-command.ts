import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { CharacterSplitter } from "./character-splitter.ts";
import { OutputFile } from "./output-file.ts";
import { OutputWindow } from "./output-window.ts";
import { killStrays, signalGroup } from "./process-group.ts";
import { ReadGarbage } from "./read-garbage.ts";
import type { OutputChannel, ToolContext } from "./tool.ts";
import { toolEnvironment } from "./tool-environment.ts";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Real path. */
  readonly folder: string;
  /** What the command's variables are made of. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly durationMs: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Head and tail of both channels as they came, without terminal codes. */
  readonly text: string;
  readonly leftOutBytes: number;
  /** Where the whole output is; undefined where there is none. */
  readonly outputFile: string | undefined;
  readonly note: string | undefined;
}

/** Room in a result for what is said about the command. */
const NOTES_BYTES = 1024;

/**
 * Runs a command in a session of its own, with its input closed, until its first process ends; what it left running
 * is killed then. When the signal aborts, the group gets SIGTERM, and SIGKILL after `LIMITS.shellGraceMs`.
 * Throws where the program cannot be started, and only then: of one that ran, what else fails is in the note.
 */
export async function runCommand(
  command: Command,
  context: ToolContext,
  endStrays: (toolCallId: string) => Promise<void> = killStrays,
): Promise<CommandEnd> {
  const { clock, signal, toolCallId } = context;
  const started = clock.stamp().monotonicMs;
  const child = Bun.spawn([command.program, ...command.args], {
    cwd: command.folder,
    env: toolEnvironment(command.environment, toolCallId),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // setsid: the child leads a new session and group, without a terminal.
    detached: true,
  });
  const window = new OutputWindow(LIMITS.toolResultTextBytes - NOTES_BYTES);
  const file = new OutputFile(context.outputFile);
  const garbage = new ReadGarbage();
  const channels = [
    new Channel("stdout", child.stdout, window, file, garbage, context),
    new Channel("stderr", child.stderr, window, file, garbage, context),
  ] as const;

  let stopKilling = () => {};
  let strays: string | undefined;
  const onAbort = () => {
    signalGroup(child.pid, "SIGTERM");
    stopKilling = clock.after(LIMITS.shellGraceMs, () => signalGroup(child.pid, "SIGKILL"));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await child.exited;
  } finally {
    signal.removeEventListener("abort", onAbort);
    stopKilling();
    signalGroup(child.pid, "SIGKILL");
    strays = await endStrays(toolCallId).then(() => undefined, straysNote);
  }
  await drained(channels, context);
  const kept = await file.close();
  const { text, leftOutBytes } = window.text();
  return {
    exitCode: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
    durationMs: Math.round(clock.stamp().monotonicMs - started),
    stdoutBytes: channels[0].bytes,
    stderrBytes: channels[1].bytes,
    text: Bun.stripANSI(text),
    leftOutBytes,
    outputFile: kept.path,
    note: [kept.note, strays].filter((note) => note !== undefined).join("; ") || undefined,
  };
}

function straysNote(error: unknown): string {
  return `processes that it left behind may still run: ${messageOf(error)}`;
}

/** Waits for the ends of the pipes; whoever still holds one is not waited for. */
async function drained(channels: readonly Channel[], { clock }: ToolContext): Promise<void> {
  const patience = new AbortController();
  const all = Promise.all(channels.map((channel) => channel.ended));
  const tooLate = clock.sleep(LIMITS.shellDrainMs, patience.signal).catch(() => {});
  await Promise.race([all, tooLate]);
  patience.abort();
  await Promise.all(channels.map((channel) => channel.stop()));
}

/** One pipe of the command. Reads no faster than the file is written. */
class Channel {
  bytes = 0;
  readonly ended: Promise<void>;
  private readonly reader;
  private readonly characters = new CharacterSplitter();

  constructor(
    private readonly name: OutputChannel,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    private readonly window: OutputWindow,
    private readonly file: OutputFile,
    private readonly garbage: ReadGarbage,
    private readonly context: ToolContext,
  ) {
    this.reader = stream.getReader();
    this.ended = this.read();
  }

  async stop(): Promise<void> {
    await this.reader.cancel();
    await this.ended;
  }

  private async read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.reader.read();
      if (done) break;
      this.bytes += value.length;
      this.context.output(this.name, value);
      // The channels share the window: they meet between characters only.
      this.window.push(this.characters.push(value));
      await this.file.write(value);
      this.garbage.add(value.length);
    }
    this.window.push(this.characters.rest());
  }
}
