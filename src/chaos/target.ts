import type { LinkName } from "../stack/links.ts";
import type { ApiClients } from "../stack/stack-client.ts";
import type { StackServer } from "../stack/stack-server.ts";
import type { ToxicProxy } from "../stack/toxic-proxy.ts";
import type { Means } from "./fault-choice.ts";
import type { RoleKind, ServerName } from "./faults.ts";
import type { SmallDisk } from "./small-disk.ts";

/** A process that can be harmed and brought back. */
export interface Victim {
  readonly name: string;
  /** Of the process that runs now. */
  readonly pid: number;
  readonly isRunning: boolean;
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
  /** SIGTERM, and the end; throws where it does not end in its time. */
  terminate(): Promise<void>;
  /** Starts it again after it has ended; ready when this resolves. Where it runs, nothing is done. */
  start(): Promise<void>;
  /** The last lines that it wrote. */
  newestOutput(): string;
}

/** A daemon that chats work on. */
export interface ChaosDaemon extends Victim {
  readonly id: string;
  /** The project's folder on its machine, which is this one. */
  readonly root: string;
  /** Set where its data folder is on a small file system of its own. */
  readonly disk: SmallDisk | undefined;
}

/** What chaos works against: a stack of its own, or what a client has of somebody's. */
export interface Target {
  /** For people. */
  readonly name: string;
  readonly apiUrl: string;
  readonly api: ApiClients;
  /** `provider/model` of the chats; empty: the server's default. */
  readonly model: string;
  readonly means: Means;
  readonly daemons: readonly ChaosDaemon[];
  victims(role: RoleKind): readonly Victim[];
  server(name: ServerName): StackServer | undefined;
  link(name: LinkName): ToxicProxy | undefined;
}
