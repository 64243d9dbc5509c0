import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Journal } from "../daemon/journal.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { DaemonHost } from "../routing/daemon-host.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import type { MessageCheck } from "../routing/message-check.ts";
import type { ServerPrograms } from "../stack/server-programs.ts";
import type { Store } from "../store/store.ts";
import type { ToolCalls } from "../store/tool-calls.ts";
import type { PartReport } from "./figures.ts";

/** The drivers that a bench works with: picked where it is put together. */
export interface BenchDrivers {
  openStore(databaseUrl: string, signal: AbortSignal): Promise<Store>;
  openNats(natsUrl: string, signal: AbortSignal): Promise<NatsLink>;
  /** The router of a worker over these two. */
  openRouter(store: Store, link: NatsLink): DaemonRouter;
  /** A daemon's journal in a file of its own. */
  openJournal(path: string): Journal;
  /** Between NATS and a gateway's host. */
  openBridge(deps: BenchBridgeDeps): { start(): void; close(): void };
}

export interface BenchBridgeDeps {
  readonly link: NatsLink;
  readonly host: DaemonHost;
  readonly toolCalls: Pick<ToolCalls, "find">;
  readonly check: MessageCheck;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a part measures with. */
export interface BenchWorld {
  /** Where the part may put what it likes; removed afterwards. */
  readonly folder: string;
  /** The compiled `reliant`: roles and peers are started from it. */
  readonly executable: string;
  readonly programs: ServerPrograms;
  readonly drivers: BenchDrivers;
  readonly clock: Clock;
  /** Aborts when the bench is to end. */
  readonly signal: AbortSignal;
  /** How long a soak lasts, milliseconds. */
  readonly durationMs: number;
  /** A line for whoever waits. */
  tell(line: string): void;
}

/** Something that is measured on servers which it starts itself. */
export interface BenchPart {
  readonly name: string;
  readonly says: string;
  /** True where it runs only when it is named: it takes long. */
  readonly onlyNamed?: boolean;
  /** Figures of its report that have a number to reach (goals.ts). A report without one of them counts as not measured. */
  readonly goals?: readonly string[];
  /** A part that takes longer hangs: the run ends, and with it what it started. */
  boundMs(world: Pick<BenchWorld, "durationMs">): number;
  measure(world: BenchWorld): Promise<PartReport>;
}

/** A user's own installation, as a client sees it. */
export interface UserStack {
  readonly url: string;
  readonly token: string;
  /** The model that messages may be sent to; undefined: none is, because an answer may cost money. */
  readonly model: string | undefined;
  readonly signal: AbortSignal;
  /** A line for whoever waits. */
  tell(line: string): void;
}
