import { type CommandEntry, type CommandGroup, command } from "./command.ts";

/** The tree of commands. Each loads its code when it runs, so that `reliant version` loads no server. */
export const COMMANDS: CommandGroup = group(
  "reliant",
  "AI coding agents whose loop runs on servers and whose tools run on your own machine",
  [
    command({
      name: "monolith",
      summary: "All of it in one process, for one machine: no other server needed",
      scope: "monolith",
      run: async (settings, context) => (await import("../wiring/monolith.ts")).runMonolith(settings, context),
    }),
    command({
      name: "run",
      summary: "Give an agent a task and watch it work; the exit code tells the outcome",
      scope: "run",
      text: { name: "PROMPT", says: 'what the agent is to do, as in reliant run "fix the failing test"' },
      run: async (settings, context, prompt) => (await import("../wiring/run.ts")).runRun(settings, prompt, context),
    }),
    group("server", "The servers of an installation for many users, each in any number", [
      command({
        name: "api",
        summary: "HTTP and gRPC/ConnectRPC API for clients; stateless",
        scope: "api",
        run: async (settings, context) => (await import("../wiring/api.ts")).runApi(settings, context),
      }),
      command({
        name: "worker",
        summary: "Temporal workflow worker: calls models and sends tool calls to daemons; stateless",
        scope: "worker",
        run: async (settings, context) => (await import("../wiring/worker.ts")).runWorker(settings, context),
      }),
      command({
        name: "gateway",
        summary: "Holds the connections of daemons and takes tool calls to them",
        scope: "gateway",
        run: async (settings, context) => (await import("../wiring/gateway.ts")).runGateway(settings, context),
      }),
    ]),
    group("daemon", "The tools daemon of this machine", [
      command({
        name: "register",
        summary: "Keep the credentials with which this machine connects",
        scope: "register",
        run: async (settings, context) =>
          (await import("../wiring/register-daemon.ts")).registerDaemon(settings, context),
      }),
      command({
        name: "start",
        summary: "Connect to the gateway and run the tools that agents ask for",
        scope: "daemon",
        run: async (settings, context) => (await import("../wiring/daemon.ts")).runDaemon(settings, context),
      }),
      command({
        name: "status",
        summary: "Tell whether the daemon of this machine runs",
        scope: "status",
        run: async (settings, context) => (await import("../daemon/lifecycle.ts")).showDaemonStatus(settings, context),
      }),
      command({
        name: "stop",
        summary: "End the daemon of this machine",
        scope: "stop",
        run: async (settings, context) => (await import("../daemon/lifecycle.ts")).stopDaemon(settings, context),
      }),
      command({
        name: "logs",
        summary: "Print the last log lines of the daemon",
        scope: "logs",
        run: async (settings, context) => (await import("../daemon/lifecycle.ts")).showDaemonLogs(settings, context),
      }),
    ]),
    group("auth", "Who you are to an installation", [
      command({
        name: "token",
        summary: "Sign a user's JWT with an installation's own private key and print it",
        scope: "token",
        run: async (settings, context) => (await import("./auth/token.ts")).printUserToken(settings, context),
      }),
    ]),
    command({
      name: "chaos",
      summary: "Put a stack under fire: chats, faults, and a count of what was lost or done twice",
      scope: "chaos",
      run: async (settings, context) => (await import("../wiring/chaos.ts")).runChaosCommand(settings, context),
    }),
    command({
      name: "bench",
      summary: "Measure a stack: what things cost, beside their raw parts, and the numbers to reach",
      scope: "bench",
      text: {
        name: "PART…",
        says: "start-up, tool-call, idle-daemon, turns, store, gateway, gateway-storm, ledger, api, worker, soak (default all but soak)",
        optional: true,
      },
      run: async (settings, context, parts) => (await import("../wiring/bench.ts")).runBench(settings, parts, context),
    }),
    command({
      name: "bench-peer",
      summary: "A process of a measurement, started by `reliant bench`",
      scope: "benchPeer",
      hidden: true,
      text: { name: "PEER", says: "its name and its options as JSON" },
      run: async (_, context, text) => (await import("../wiring/bench-peer.ts")).runBenchPeer(text, context),
    }),
    {
      kind: "command",
      name: "config",
      summary: "Show each setting in force and where it comes from",
      scope: "config",
      run: async (argv, context, path) => (await import("./config.ts")).showConfig(argv, context, path),
    },
    command({
      name: "version",
      summary: "Print the version",
      scope: "version",
      run: async (settings, context) => (await import("./version.ts")).printVersion(settings, context),
    }),
  ],
);

function group(name: string, summary: string, entries: readonly CommandEntry[]): CommandGroup {
  return { kind: "group", name, summary, entries };
}
