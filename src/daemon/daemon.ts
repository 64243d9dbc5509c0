import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError, toReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { CallDesk, type DeskEffect } from "./call-desk.ts";
import { resultBytes } from "./fit-result.ts";
import { commandResultFrame, deskFrame, type HelloFields } from "./gateway-frames.ts";
import { GatewayLink } from "./gateway-link.ts";
import type { GatewaySession, SessionFrame, Welcome } from "./gateway-session.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import type { Journal } from "./journal.ts";
import type { Machine, Outputs } from "./machine.ts";
import { denialOf } from "./policy.ts";
import type { PolicySource } from "./policy-source.ts";
import type { MachineTools } from "./tool-input.ts";
import { ToolRunner } from "./tool-runner.ts";

export interface DaemonOptions {
  readonly transport: GatewayTransport;
  readonly tools: MachineTools;
  readonly policy: PolicySource;
  readonly clock: Clock;
  /** Opens the journal, which stays closed to every other process until the daemon has ended. */
  openJournal(): Journal;
  readonly machine: Machine;
  readonly hello: HelloFields;
  /** Told of each welcome, before anything else of that connection: the place to keep a daemon id that was given. */
  onWelcome?(welcome: Welcome): void;
  onState?(state: DaemonState): void;
}

/** What `daemon status` shows of the connection. */
export type LinkState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly epoch: number; readonly gatewayId: string; readonly daemonId: string }
  | { readonly kind: "waiting"; readonly reason: string; readonly waitMs: number }
  | { readonly kind: "disconnected"; readonly reason: string };

export interface DaemonState {
  readonly link: LinkState;
  readonly openCalls: number;
  readonly runningCalls: number;
  /** Frames of gateways that this process did not understand, since its start: it is older than they are. */
  readonly unknownFrames: number;
}

export function createDaemon(options: DaemonOptions): Daemon {
  return new Daemon(options);
}

/** The tools daemon: holds a connection to a gateway and runs the tool calls that are granted on it. Begins with `start`. */
export class Daemon {
  private opening: Promise<RunningDaemon> | undefined;

  constructor(private readonly options: DaemonOptions) {}

  /**
   * Opens the journal and begins to connect; a second call changes nothing. Throws what `openJournal` throws:
   * `failed_precondition` where another daemon holds it.
   */
  async start(): Promise<void> {
    this.opening ??= RunningDaemon.open(this.options);
    try {
      await this.opening;
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
  }

  /** Resolves when it was stopped; rejects where it gave up, with what to do in the hint. Only after `start`. */
  async ended(): Promise<void> {
    if (this.opening === undefined) throw new ReliantError("internal", "the daemon has not been started");
    await (await this.opening).ended;
  }

  /**
   * Ends in good order: nothing new starts, running tools are ended (their calls: cancelled), results go to the journal and,
   * while there is a connection, to the gateway for at most `LIMITS.drainMs`; what was not acked is told after the next start.
   */
  async stop(): Promise<void> {
    await (await this.opening)?.stop();
  }
}

class RunningDaemon {
  readonly ended: Promise<void>;
  private readonly log = logger("daemon");
  private readonly leave = new AbortController();
  private readonly desk: CallDesk;
  private readonly runner: ToolRunner;
  private readonly link: GatewayLink;
  private session: GatewaySession | undefined;
  private linkState: LinkState = { kind: "connecting" };
  private unknownFrames = 0;
  private stopDueTimer: (() => void) | undefined;
  private stopTidyTimer: () => void;
  private onSettled: (() => void) | undefined;
  private stopped: Promise<void> | undefined;

  static async open(options: DaemonOptions): Promise<RunningDaemon> {
    const journal = options.openJournal();
    try {
      const outputs = await options.machine.openOutputs();
      await endStrays(journal, options.machine);
      return new RunningDaemon(options, journal, outputs);
    } catch (error) {
      journal.close();
      throw toReliantError(error, "open outputs folder");
    }
  }

  private constructor(
    private readonly options: DaemonOptions,
    private readonly journal: Journal,
    private readonly outputs: Outputs,
  ) {
    const { clock, policy, tools, transport, hello } = options;
    this.desk = CallDesk.open({ journal, clock, denies: (invocation) => denialOf(policy.current, invocation) });
    this.runner = new ToolRunner({
      tools,
      clock,
      outputs,
      machine: options.machine,
      rootLimits: () => policy.rootLimits,
      pushOutput: (frame, bytes) => this.session?.queue.pushOutput(frame, bytes) ?? false,
      onEnded: (toolCallId, { ending, result }) =>
        this.handle("end a call", () => this.desk.toolEnded(toolCallId, ending, result)),
    });
    this.link = new GatewayLink({
      transport,
      clock,
      journal,
      hello,
      runningIds: () => this.desk.runningIds,
      isBusy: () => this.desk.isBusy,
      listener: {
        connected: (session, welcome) => this.connected(session, welcome),
        frame: (session, frame) => this.frame(session, frame),
        disconnected: (session, reason) => this.disconnected(session, reason),
        unknown: () => {
          this.unknownFrames += 1;
          this.tell(this.linkState);
        },
        waiting: (reason, waitMs) => {
          if (this.session === undefined) this.tell({ kind: "waiting", reason, waitMs });
        },
      },
    });
    this.stopTidyTimer = () => {};
    this.tidy();
    this.ended = this.live();
    this.ended.catch(() => {});
  }

  stop(): Promise<void> {
    this.stopped ??= this.drain();
    return this.stopped;
  }

  /** From the first hello until the link is over; then everything is closed. */
  private async live(): Promise<void> {
    this.tell(this.linkState);
    try {
      await this.link.run(this.leave.signal);
    } finally {
      this.stopTidyTimer();
      this.desk.stop();
      await this.runner.stop();
      this.stopDueTimer?.();
      this.journal.close();
    }
  }

  private async drain(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.onSettled = resolve;
    });
    const bound = new AbortController();
    this.handle("stop", () => this.desk.stop());
    const toolsEnded = this.runner.stop();
    if (this.session !== undefined) {
      await Promise.race([settled, this.options.clock.sleep(LIMITS.drainMs, bound.signal).catch(() => {})]);
    }
    bound.abort();
    await toolsEnded;
    this.leave.abort();
    await this.ended.catch(() => {});
  }

  private connected(session: GatewaySession, welcome: Welcome): void {
    this.session = session;
    this.options.onWelcome?.(welcome);
    const { epoch, gatewayId, daemonId } = welcome;
    this.runner.reconnected();
    this.handle("connect", () => this.desk.connected(session.name, session.running));
    this.tell({ kind: "connected", epoch, gatewayId, daemonId });
  }

  private disconnected(session: GatewaySession, reason: string): void {
    if (this.session !== session) return;
    this.session = undefined;
    this.desk.disconnected(session.name);
    this.tell({ kind: "disconnected", reason });
    this.onSettled?.();
  }

  private frame(session: GatewaySession, frame: SessionFrame): void {
    switch (frame.kind) {
      case "offer":
      case "grant":
      case "withdraw":
      case "cancel":
      case "ack":
        this.handle(frame.kind, () => this.desk.take(session.name, frame));
        break;
      case "bad_offer": {
        const { toolCallId, message } = frame;
        this.handle("refuse an offer", () => [{ kind: "refuse_offer", toolCallId, message }]);
        break;
      }
      case "output_credit":
        this.runner.grantOutput(frame.toolCallId, frame.bytes);
        break;
      case "load_config":
        void this.options.policy.reload().then((answer) => {
          session.queue.pushControl(commandResultFrame(frame.commandId, answer));
        });
        break;
      case "online":
        session.queue.pushControl(commandResultFrame(frame.commandId, { ok: true, message: "" }));
        break;
      case "unknown_command": {
        const message = "this daemon does not know the command: update it";
        session.queue.pushControl(commandResultFrame(frame.commandId, { ok: false, message }));
        break;
      }
    }
  }

  /** One event for the desk, then what it wants done. A fault in one call must not end the others. */
  private handle(act: string, event: () => DeskEffect[]): void {
    try {
      for (const effect of event()) this.perform(effect);
    } catch (error) {
      this.log.error("a call could not be handled", { act, error: messageOf(error) });
    }
    this.scheduleDue();
    this.tell(this.linkState);
    if (this.desk.isSettled) this.onSettled?.();
  }

  private scheduleDue(): void {
    this.stopDueTimer?.();
    const { dueInMs } = this.desk;
    const repeat = () => this.handle("repeat", () => this.desk.due());
    this.stopDueTimer = dueInMs === undefined ? undefined : this.options.clock.after(dueInMs, repeat);
  }

  private perform(effect: DeskEffect): void {
    switch (effect.kind) {
      case "run":
        this.runner.run(effect.toolCallId, effect.invocation);
        break;
      case "end_tool":
        this.runner.end(effect.toolCallId, effect.kill);
        break;
      case "send_result":
        // Where there is no room the desk says it again.
        this.session?.queue.pushResult(deskFrame(effect, this.journal.id), resultBytes(effect.result));
        break;
      case "send_ready":
      case "refuse_offer":
        this.session?.queue.pushControl(deskFrame(effect, this.journal.id));
        break;
    }
  }

  private tell(link: LinkState): void {
    this.linkState = link;
    const { unknownFrames } = this;
    const { openCount: openCalls, runningIds } = this.desk;
    this.options.onState?.({ link, openCalls, runningCalls: runningIds.length, unknownFrames });
  }

  private tidy(): void {
    const { clock } = this.options;
    this.stopTidyTimer = clock.after(LIMITS.daemonTidyMs, () => this.tidy());
    try {
      this.journal.forgetOld(clock.now(), this.session?.name);
    } catch (error) {
      this.log.error("journal not tidied", { error: messageOf(error) });
    }
    this.outputs.tidy(clock.now(), new Set(this.desk.runningIds)).catch((error: unknown) => {
      this.log.warn("outputs not tidied", { error: messageOf(error) });
    });
  }
}

/** What a call of a process that was killed had started may still be at work, though its result says that it is gone. */
async function endStrays(journal: Journal, machine: Machine): Promise<void> {
  for (const { toolCallId } of journal.open()) {
    const entry = journal.find(toolCallId);
    if (entry?.state === "result" && entry.ending === "gone") await machine.killStrays(toolCallId);
  }
}
