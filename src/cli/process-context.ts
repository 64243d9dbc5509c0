import { thisHost } from "../config/host.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { CliContext } from "./command.ts";
import { warningLine } from "./messages.ts";

/** The context of a command that runs in this process: its streams, its variables. */
export function processContext(signal: AbortSignal): CliContext {
  return {
    signal,
    host: thisHost(),
    write: writeOut,
    writeError: (line) => console.error(line.replace(/\n$/, "")),
    warn: (text) => console.error(warningLine(text, "text")),
    readStdin: () => readStdin(signal),
  };
}

/** A reader that has gone (`reliant config | head -1`) is no error. */
async function writeOut(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  }
}

async function readStdin(ending: AbortSignal): Promise<string> {
  const tooLong = AbortSignal.timeout(LIMITS.stdinMs);
  const signal = AbortSignal.any([ending, tooLong]);
  const reader = Bun.stdin.stream().getReader();
  const stop = () => void reader.cancel();
  signal.addEventListener("abort", stop, { once: true });
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length <= LIMITS.settingFileBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
  ending.throwIfAborted();
  if (!tooLong.aborted) return text;
  throw new ReliantError("deadline_exceeded", "read standard input: nothing ended it in time", {
    hint: "Pipe the secret in: echo $TOKEN | reliant …",
  });
}
