import type { ToolResult } from "../chat/message.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";
import { fitResult } from "./fit-result.ts";
import { type CallEnding, type Invocation, resultText } from "./journal.ts";
import { LiveOutput } from "./live-output.ts";
import type { Machine, Outputs } from "./machine.ts";
import { type MachineTools, readToolInput } from "./tool-input.ts";

export interface ToolRunnerOptions {
  readonly tools: MachineTools;
  readonly clock: Clock;
  readonly outputs: Pick<Outputs, "pathOf">;
  readonly machine: Pick<Machine, "confineRoots">;
  /** Folders that this machine allows, as {@link confineRoots} takes them. */
  rootLimits(): readonly (readonly string[])[];
  /** Puts a frame of live output on its way; false where there is no room or no connection. */
  pushOutput(frame: ConnectRequest, bytes: number): boolean;
  /** Called once for each call that was run, never while `run` is on the stack. */
  onEnded(toolCallId: string, ended: Ended): void;
}

/** How a call ended, and what it gave. */
export interface Ended {
  readonly ending: CallEnding;
  readonly result: ToolResult;
}

interface RunningCall {
  readonly toolCallId: string;
  readonly invocation: Invocation;
  readonly abort: AbortController;
  readonly output: LiveOutput;
  /** Set by whoever ends the call first; how the call ended. */
  endedBy?: "cancelled" | "timed_out";
  done: Promise<void>;
}

/** Runs the tools of the calls that were granted, each within its time. */
export class ToolRunner {
  private readonly running = new Map<string, RunningCall>();
  private readonly log = logger("daemon", "tools");

  constructor(private readonly options: ToolRunnerOptions) {}

  /** Begins now; tells the end by `onEnded`. */
  run(toolCallId: string, invocation: Invocation): void {
    const { clock, pushOutput } = this.options;
    const output = new LiveOutput(toolCallId, clock, pushOutput);
    const call: RunningCall = {
      toolCallId,
      invocation,
      abort: new AbortController(),
      output,
      done: Promise.resolve(),
    };
    this.running.set(toolCallId, call);
    call.done = this.settle(call);
  }

  /** Ends a running tool. `kill`: without a grace period for what it started. */
  end(toolCallId: string, kill: boolean): void {
    const call = this.running.get(toolCallId);
    if (call !== undefined) this.abort(call, "cancelled", kill);
  }

  /** The gateway lets more live output of the call come. */
  grantOutput(toolCallId: string, bytes: number): void {
    this.running.get(toolCallId)?.output.grant(bytes);
  }

  reconnected(): void {
    for (const call of this.running.values()) call.output.reconnected();
  }

  /** Ends what runs, and resolves when all of it has ended: at most `LIMITS.toolEndMs` later. */
  async stop(): Promise<void> {
    for (const call of this.running.values()) this.abort(call, "cancelled", false);
    await Promise.all([...this.running.values()].map((call) => call.done));
  }

  private async settle(call: RunningCall): Promise<void> {
    const { toolCallId, invocation } = call;
    const stopTimer = this.options.clock.after(invocation.timeoutMs, () => this.abort(call, "timed_out", false));
    let ended: Ended;
    try {
      ended = await this.execute(call);
    } catch (error) {
      if (call.endedBy === undefined) this.log.warn("tool could not be run", { toolCallId, error: messageOf(error) });
      ended = {
        ending: "finished",
        result: resultText(`${invocation.toolName} could not be run: ${messageOf(error)}`),
      };
    }
    stopTimer();
    call.output.close();
    this.running.delete(toolCallId);
    const ending = call.endedBy !== undefined && ended.ending === "finished" ? call.endedBy : ended.ending;
    this.options.onEnded(toolCallId, { ending, result: fitResult(ended.result) });
  }

  private async execute(call: RunningCall): Promise<Ended> {
    const { toolCallId, invocation, abort, output } = call;
    const { tools, clock, outputs, machine } = this.options;
    const read = readToolInput(tools, invocation);
    if (read.kind === "faulty") return { ending: "finished", result: resultText(read.text) };
    const confined = await machine.confineRoots(invocation.roots, this.options.rootLimits());
    if (confined.kind === "denied") return { ending: "denied", result: resultText(confined.text) };
    if (confined.kind === "missing") return { ending: "finished", result: resultText(confined.text) };
    if (abort.signal.aborted) return { ending: "finished", result: resultText("Ended before the tool began.") };
    const context = {
      toolCallId,
      signal: abort.signal,
      roots: confined.roots,
      outputFile: outputs.pathOf(toolCallId),
      output: (channel: "stdout" | "stderr", data: Uint8Array) => output.write(channel, data),
      clock,
    };
    return { ending: "finished", result: await this.bounded(call, read.run(context)) };
  }

  /** The tool's answer; a tool that goes on after it was ended is left behind, and its result says so. */
  private async bounded(call: RunningCall, answer: Promise<ToolResult>): Promise<ToolResult> {
    const { signal } = call.abort;
    const { promise: leftBehind, resolve } = Promise.withResolvers<ToolResult>();
    let stopTimer: (() => void) | undefined;
    const onAbort = () => {
      stopTimer = this.options.clock.after(LIMITS.toolEndMs, () => {
        this.log.error("tool does not end", { toolCallId: call.toolCallId, tool: call.invocation.toolName });
        resolve(
          resultText(`${endingText(call)} It did not end within ${LIMITS.toolEndMs} ms and may still be at work.`),
        );
      });
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([
        answer.catch((error: unknown) => {
          if (signal.aborted) return resultText(endingText(call));
          throw error;
        }),
        leftBehind,
      ]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      stopTimer?.();
    }
  }

  private abort(call: RunningCall, by: "cancelled" | "timed_out", kill: boolean): void {
    if (call.endedBy !== undefined) return;
    call.endedBy = by;
    const act = `run ${call.invocation.toolName}`;
    call.abort.abort(
      by === "cancelled"
        ? new ReliantError("cancelled", `${act}: ${kill ? "killed" : "cancelled"}`)
        : new ReliantError("deadline_exceeded", `${act}: not within ${call.invocation.timeoutMs} ms`),
    );
  }
}

function endingText(call: RunningCall): string {
  return call.endedBy === "timed_out"
    ? `Ended: its time of ${call.invocation.timeoutMs} ms was over.`
    : "Cancelled while it ran.";
}
