import { runCli } from "../../../src/cli/cli.ts";
import type { CliContext } from "../../../src/cli/command.ts";
import type { Host } from "../../../src/config/host.ts";

/** What a call of the command line left behind. */
export interface CliOutcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Calls the command line as a process would, with streams that only collect. */
export async function callCli(argv: readonly string[], env: Host["env"] = {}, stdin = ""): Promise<CliOutcome> {
  const out: string[] = [];
  const err: string[] = [];
  const context: CliContext = {
    signal: new AbortController().signal,
    host: { env, platform: "linux", home: "/home/ada" },
    write: async (text) => void out.push(text),
    writeError: (line) => void err.push(`${line}\n`),
    warn: (text) => void err.push(`${text}\n`),
    readStdin: async () => stdin,
  };
  const exitCode = await runCli(argv, context);
  return { exitCode, out: out.join(""), err: err.join("") };
}
