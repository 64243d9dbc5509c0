import type { z } from "zod";
import type { ToolResult } from "../chat/message.ts";
import type { Clock } from "../core/clock.ts";

/** Where a tool runs; the documents' ToolRunsOnServer, ToolRunsAnywhere, ToolRunsOnDaemon. A worker runs the first two itself. */
export type ToolRunsOn = "server" | "anywhere" | "daemon";

export type OutputChannel = "stdout" | "stderr";

/** What a tool sees of the world. */
export interface ToolContext {
  readonly toolCallId: string;
  /** Aborts when the call is cancelled or its time is over; the tool ends what it started and returns or throws. */
  readonly signal: AbortSignal;
  /** Real paths of the folders that the chat may touch. The first one is the working folder. Never empty on a daemon. */
  readonly roots: readonly string[];
  /** File that takes the whole output of a tool that produces much of it; undefined: nowhere. */
  readonly outputFile?: string;
  /** Live output, a lossy view; never waits. */
  output(channel: OutputChannel, data: Uint8Array): void;
  readonly clock: Clock;
}

/** One tool. `Schema` is a zod object; its JSON Schema is what the model is told. */
export interface Tool<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** The text that the model reads. */
  readonly description: string;
  readonly inputSchema: Schema;
  readonly runsOn: ToolRunsOn;
  /** Time that this call gets, milliseconds; the runner ends it then, and the outcome is `timed_out`. */
  timeoutMs(input: z.output<Schema>): number;
  /**
   * Runs. A tool that failed at its task answers with `isError`; it throws only where it could not be run at all.
   * After an abort it returns what it has (the runner says how it ended).
   */
  run(input: z.output<Schema>, context: ToolContext): Promise<ToolResult>;
}
