import { isStopped } from "./child-processes.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** A server of a stack, in a process of its own, at the same address for as long as it lives. */
export interface StackServer extends AsyncDisposable {
  /** For messages: `nats`, `postgres`, `temporal`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What a client is given: `nats://…`, `postgres://…`, for Temporal `host:port`. */
  readonly url: string;
  /** SIGKILL to all of its processes; `restart` brings it back with what it had stored. */
  kill9(): Promise<void>;
  /** Stops it where it runs, and starts it again; up when this resolves. */
  restart(signal?: AbortSignal): Promise<void>;
  /** Freezes all of its processes: it holds its sockets and locks, and does nothing. Its own process stands still when this resolves. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it. What it has stored stays in its folder. */
  stop(): Promise<void>;
}

/** Where a server lives. */
export interface StackServerOptions {
  /** Its own, for what it stores and its log. Made where it is not there. */
  readonly folder: string;
  /** Default: one that is free. */
  readonly port?: number | undefined;
  /** A folder that is removed when the process that started the server dies without stopping it. */
  readonly removed?: string | undefined;
  /** Ends the wait for the start. */
  readonly signal?: AbortSignal | undefined;
}

/** What the verbs need to know of one kind of server. */
export interface ServerKind {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Asks it to end, in its own way. */
  readonly endsBy: NodeJS.Signals;
  /** Starts it at its address; it answers when this resolves. */
  launch(signal?: AbortSignal): Promise<ManagedProcess>;
  /** Does something to those of its processes that its process group does not hold. Default: there are none. */
  readonly others?: ServerOthers;
}

export interface ServerOthers {
  kill(leader: ManagedProcess): Promise<void>;
  signal(leader: ManagedProcess, signal: "SIGSTOP" | "SIGCONT"): Promise<void>;
}

/** Starts a server of the kind. */
export async function startServer(kind: ServerKind, signal?: AbortSignal): Promise<StackServer> {
  let server = await kind.launch(signal);
  const resume = async () => {
    server.resume();
    if (server.isRunning) await kind.others?.signal(server, "SIGCONT");
  };
  const stop = async () => {
    await resume();
    await server.stop(kind.endsBy);
  };
  return {
    name: kind.name,
    host: kind.host,
    port: kind.port,
    url: kind.url,
    kill9: async () => {
      if (kind.others === undefined) await server.kill9();
      else await kind.others.kill(server);
    },
    restart: async (restartSignal) => {
      await stop();
      server = await kind.launch(restartSignal);
    },
    pause: async () => {
      server.pause();
      if (server.isRunning) await kind.others?.signal(server, "SIGSTOP");
      await server.awaitThat("it to stand still", () => !server.isRunning || isStopped(server.pid));
    },
    resume,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
