import type { ToolCall } from "../../src/chat/tool-call.ts";
import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { logger } from "../../src/core/logger.ts";
import type { GatewayStore } from "../../src/gateway/gateway-store.ts";
import { type GatewayTimes, ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import type { DaemonAddress } from "../../src/routing/daemon-host.ts";
import type { ToolRequest } from "../../src/routing/daemon-router.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import type { HubEvent } from "../../src/updates/update-hub.ts";
import { FakeStore } from "./fake-store.ts";
import { FrameDaemon, type FrameDaemonOptions } from "./frame-daemon.ts";

/** Times that let a test see in milliseconds what takes seconds. */
export const SHORT_TIMES: Partial<GatewayTimes> = {
  tokenCheckMs: 30,
  supersededCheckMs: 30,
  outputRefillMs: 30,
  wheelTickMs: 10,
  ackDelayMs: 1,
};

/** A gateway's service, started, with what it publishes. */
export function gatewayOver(
  store: GatewayStore,
  options: { readonly gatewayId?: string; readonly times?: Partial<GatewayTimes>; readonly clock?: Clock } = {},
): { readonly service: ToolsDaemonService; readonly published: HubEvent[] } {
  const published: HubEvent[] = [];
  const service = new ToolsDaemonService({
    gatewayId: options.gatewayId ?? "gtw_test",
    store,
    hub: { publish: (event) => void published.push(event) },
    check: createMessageCheck(),
    clock: options.clock ?? systemClock,
    log: logger("test"),
    times: { ...SHORT_TIMES, ...options.times },
  });
  service.start();
  return { service, published };
}

/** The request of a call that stands in the ledger. */
export function requestOf(call: ToolCall, daemonId: string, over: Partial<ToolRequest> = {}): ToolRequest {
  return {
    ...{ toolCallId: call.id, chatId: call.chatId, userId: call.userId, daemonId, toolName: call.name },
    ...{ inputJson: JSON.stringify(call.input), roots: ["/home/ada/shop"], timeoutMs: 60_000 },
    ...over,
  };
}

/** A gateway over a store in memory, and daemons that are stopped with it. */
export class GatewayWorld {
  readonly store = new FakeStore();
  readonly service: ToolsDaemonService;
  /** What the gateway told the hub. */
  readonly published: HubEvent[];
  private readonly daemons: FrameDaemon[] = [];

  constructor() {
    ({ service: this.service, published: this.published } = gatewayOver(this.store));
  }

  daemon(options: Partial<FrameDaemonOptions> = {}): FrameDaemon {
    const daemon = new FrameDaemon({ userId: "usr_ada", ...options });
    this.daemons.push(daemon);
    return daemon;
  }

  /** A dispatched call, offered to the daemon, which is at that gateway, and accepted. */
  async offered(daemon: FrameDaemon, service = this.service): Promise<ToolCall> {
    const call = this.store.request(daemon.userId);
    const times = { timeoutMs: 60_000, deadlineAtMs: Date.now() + 120_000 };
    await this.store.toolCalls.dispatch({ toolCallId: call.id, daemonId: daemon.daemonId, ...times });
    const answer = service.offer(addressOf(daemon), requestOf(call, daemon.daemonId));
    if (answer !== "accepted") throw new Error(`the offer was answered ${answer}`);
    return call;
  }

  async close(): Promise<void> {
    this.store.away = false;
    for (const daemon of this.daemons) daemon.stop();
    await this.service.close();
  }
}

export function addressOf(daemon: FrameDaemon, epoch = daemon.epoch): DaemonAddress {
  return { userId: daemon.userId, daemonId: daemon.daemonId, epoch };
}

/** The code of what a stream ended with. */
export async function endCode(ended: Promise<unknown>): Promise<string> {
  const error = await ended;
  return error instanceof ReliantError ? error.code : String(error);
}
