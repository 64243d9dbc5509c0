import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { within } from "../core/within.ts";
import type { CommandResult } from "../gen/reliant/v1/daemon_pb.ts";
import type { DaemonCommand } from "../routing/daemon-router.ts";
import type { SessionLink } from "./session-link.ts";

/** Commands to one daemon that wait for its answer. */
export class CommandDesk {
  private readonly waiting = new Map<string, { resolve(): void; reject(error: ReliantError): void }>();
  private sent = 0;

  constructor(
    private readonly link: SessionLink,
    private readonly clock: Clock,
  ) {}

  /** Throws `failed_precondition` with the daemon's words, `deadline_exceeded`, `resource_exhausted`, `daemon_offline`. */
  async send(command: DaemonCommand, signal: AbortSignal): Promise<void> {
    const act = `send ${command.kind} to daemon ${this.link.address.daemonId}`;
    if (this.waiting.size >= LIMITS.commandsOpen) {
      throw new ReliantError("resource_exhausted", `${act}: ${this.waiting.size} commands wait for its answer already`);
    }
    this.sent += 1;
    const commandId = `cmd-${this.sent}`;
    const answered = new Promise<void>((resolve, reject) => {
      this.waiting.set(commandId, { resolve, reject });
    });
    try {
      this.link.sendControl({
        case: "command",
        value: {
          commandId,
          command: { case: "loadConfig", value: {} },
        },
      });
      await within(answered, { ms: LIMITS.commandMs, act, clock: this.clock, signal });
    } finally {
      this.waiting.delete(commandId);
    }
  }

  take(frame: CommandResult): void {
    const { daemonId } = this.link.address;
    const waiting = this.waiting.get(frame.commandId);
    if (frame.ok) waiting?.resolve();
    else waiting?.reject(new ReliantError("failed_precondition", `daemon ${daemonId} refuses: ${frame.message}`));
  }

  /** The connection has ended. */
  close(): void {
    const { daemonId } = this.link.address;
    for (const { reject } of this.waiting.values()) {
      reject(new ReliantError("daemon_offline", `daemon ${daemonId} went away before it answered`));
    }
  }
}
