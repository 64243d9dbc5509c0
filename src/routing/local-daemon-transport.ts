import { ReliantError } from "../core/errors.ts";
import type { DaemonAddress, DaemonHost } from "./daemon-host.ts";
import type { DaemonCommand, ToolRequest } from "./daemon-router.ts";
import type { CallNews, DaemonTransport, SendAnswer } from "./daemon-transport.ts";

/** A call of a host in this process. */
export class LocalDaemonTransport implements DaemonTransport {
  readonly canCarry = true;

  constructor(private readonly host: DaemonHost) {}

  async send(address: DaemonAddress, request: ToolRequest): Promise<SendAnswer> {
    return { kind: this.host.offer(address, request) };
  }

  onNews(listener: (toolCallId: string, news: CallNews) => void): () => void {
    const stopOutcomes = this.host.onOutcome((_, toolCallId) => listener(toolCallId, "done"));
    const stopRefusals = this.host.onRefused((_, toolCallId) => listener(toolCallId, "refused"));
    const stopLeft = this.host.onLeft((_, toolCallId) => listener(toolCallId, "done"));
    return () => {
      stopLeft();
      stopOutcomes();
      stopRefusals();
    };
  }

  async cancel(address: DaemonAddress, toolCallId: string, kill: boolean): Promise<boolean> {
    return this.host.cancel(address, toolCallId, kill);
  }

  async isOnline(address: DaemonAddress): Promise<boolean> {
    return this.host.isOnline(address);
  }

  async command(address: DaemonAddress, command: DaemonCommand, signal: AbortSignal): Promise<void> {
    if (!this.host.isOnline(address)) {
      throw new ReliantError(
        "daemon_offline",
        `send ${command.kind} to daemon ${address.daemonId}: it is not connected`,
      );
    }
    await this.host.command(address, command, signal);
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
