import type { ToolCall } from "../chat/tool-call.ts";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { checkIdToken } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import type { Daemon } from "../store/daemons.ts";
import { AwakeTime } from "./awake-time.ts";
import { CallBells } from "./call-bell.ts";
import type { DaemonAddress } from "./daemon-host.ts";
import type { DaemonCommand, DaemonRouter, ToolRequest } from "./daemon-router.ts";
import type { DaemonTransport } from "./daemon-transport.ts";
import { isOnline } from "./delivery-step.ts";
import { type DeliveryGoal, deliverToolCall, type RouterStore, type RouterTimes } from "./tool-request.ts";

export interface LedgerRouterDeps {
  readonly store: RouterStore;
  readonly transport: DaemonTransport;
  readonly clock: Clock;
  readonly times?: Partial<RouterTimes>;
}

/** A daemon as the port's callers name it. */
interface DaemonName {
  readonly userId: string;
  readonly daemonId: string;
}

/**
 * What both routers share: the store says where a daemon is and what became of a call; the transport only carries.
 */
export class LedgerDaemonRouter implements DaemonRouter {
  private readonly bells = new CallBells();
  private readonly times: RouterTimes;
  private readonly awake: AwakeTime;
  private readonly stopNews: () => void;

  constructor(private readonly deps: LedgerRouterDeps) {
    this.times = { ...LIMITS, ...deps.times };
    this.awake = new AwakeTime(deps.clock, this.times.toolCallSlackMs);
    this.stopNews = deps.transport.onNews((toolCallId, news) => this.bells.ring(toolCallId, news));
  }

  async sendToolRequest(request: ToolRequest, signal: AbortSignal): Promise<void> {
    await this.deliver(request, "accepted", signal);
  }

  sendToolRequestSync(request: ToolRequest, signal: AbortSignal): Promise<ToolCall> {
    return this.deliver(request, "outcome", signal);
  }

  async cancelToolCall(toolCall: Pick<ToolCall, "id" | "userId">): Promise<void> {
    const { toolCalls, daemons } = this.deps.store;
    const { userId } = await toolCalls.get(toolCall.id);
    if (userId !== toolCall.userId) {
      throw new ReliantError("not_found", `cancel tool call ${toolCall.id}: the user has no such call`);
    }
    const call = await toolCalls.endBeforeRunning({
      toolCallId: toolCall.id,
      outcome: "cancelled",
      reason: "cancelled before it started",
    });
    this.bells.ring(call.id, "done");
    if (call.state !== "running" || call.daemonId === undefined) return;
    const daemon = await daemons.find(userId, call.daemonId);
    if (daemon === undefined) return;
    const bound = new AbortController();
    const disarm = this.deps.clock.after(LIMITS.commandMs, () => bound.abort());
    await this.deps.transport.cancel(addressOf(userId, daemon), call.id, false, bound.signal).finally(disarm);
  }

  async killProcess(toolCall: Pick<ToolCall, "id" | "userId" | "daemonId">, signal: AbortSignal): Promise<void> {
    const act = `kill the process of tool call ${toolCall.id}`;
    if (toolCall.daemonId === undefined) {
      throw new ReliantError("failed_precondition", `${act}: it does not run on a daemon`);
    }
    const daemon = await this.getOnline({ userId: toolCall.userId, daemonId: toolCall.daemonId }, act);
    const passedOn = await this.deps.transport.cancel(addressOf(toolCall.userId, daemon), toolCall.id, true, signal);
    if (!passedOn) throw new ReliantError("daemon_offline", `${act}: daemon ${daemon.id} cannot be reached now`);
  }

  async isOnline(daemon: DaemonName, signal: AbortSignal): Promise<boolean> {
    const row = await this.deps.store.daemons.find(daemon.userId, daemon.daemonId);
    if (row === undefined || !this.seemsOnline(row)) return false;
    return this.deps.transport.isOnline(addressOf(daemon.userId, row), signal);
  }

  async sendCommand(daemon: DaemonName, command: DaemonCommand, signal: AbortSignal): Promise<void> {
    const row = await this.getOnline(daemon, `send ${command.kind} to daemon ${daemon.daemonId}`);
    await this.deps.transport.command(addressOf(daemon.userId, row), command, signal);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.deps.transport.check(signal);
  }

  async close(): Promise<void> {
    this.stopNews();
    await this.deps.transport.close();
  }

  /** Called before each delivery; a driver may start what it delivers to. */
  protected prepare(_signal: AbortSignal): Promise<void> {
    return Promise.resolve();
  }

  private async deliver(request: ToolRequest, goal: DeliveryGoal, signal: AbortSignal): Promise<ToolCall> {
    checkIdToken(request.toolCallId, "tool call id");
    checkIdToken(request.userId, "user id");
    checkIdToken(request.daemonId, "daemon id");
    await this.prepare(signal);
    const bell = this.bells.open(request.toolCallId);
    try {
      const { times, awake } = this;
      return await deliverToolCall({ ...this.deps, times, awake }, request, goal, bell, signal);
    } finally {
      this.bells.close(request.toolCallId, bell);
    }
  }

  private async getOnline(daemon: DaemonName, act: string): Promise<Daemon> {
    const row = await this.deps.store.daemons.find(daemon.userId, daemon.daemonId);
    if (row === undefined) throw new ReliantError("not_found", `${act}: the user has no daemon ${daemon.daemonId}`);
    if (!this.seemsOnline(row)) throw new ReliantError("daemon_offline", `${act}: the daemon is not connected`);
    return row;
  }

  private seemsOnline(daemon: Daemon): boolean {
    return isOnline(daemon, this.deps.clock.now(), this.times.onlineMs);
  }
}

function addressOf(userId: string, daemon: Daemon): DaemonAddress {
  return { userId, daemonId: daemon.id, epoch: daemon.epoch };
}
