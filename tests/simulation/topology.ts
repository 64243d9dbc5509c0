import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import type { Store } from "../../src/store/store.ts";
import type { Fault } from "./faults.ts";
import type { Life } from "./life.ts";
import type { ApiReplica } from "./servers.ts";

/** Where the processes are: servers of each type and machines, or everything in one process. */
export type TopologyKind = "cluster" | "monolith";

/** A machine with a daemon, as the invariants see it. */
export interface MachineView {
  readonly name: string;
  readonly isConnected: boolean;
  /** Of its journal, that are not acked. */
  readonly openEntries: number;
  readonly timers: number;
  close(): void;
}

/** All processes of a run, and the faults that come to them. */
export interface Topology {
  readonly apis: readonly ApiReplica[];
  readonly servers: readonly { readonly life: Life; readonly store: Store }[];
  readonly gateways: readonly { readonly life: Life; readonly service: ToolsDaemonService }[];
  readonly machines: readonly MachineView[];
  /** Loops under way. */
  readonly loops: number;
  readonly attempts: number;
  /** True where somebody will move the chat, though no row of the outbox says so. */
  moves(chatId: string): boolean;
  /** Told of each call whose offer takes its time. */
  onHeldBack: ((toolCallId: string) => void) | undefined;
  /** Carries one fault out, where there is somebody whom it can hit. */
  inject(fault: Fault): void;
}
