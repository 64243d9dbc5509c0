import { basename, dirname } from "node:path";
import { LIMITS } from "../core/limits.ts";
import { signalGroup } from "./process-group.ts";
import type { SearchEnd, SearchFindings, SearchQuery } from "./search.ts";
import { toolEnvironment } from "./tool-environment.ts";

export interface Ripgrep {
  /** Path of `rg`. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly toolCallId: string;
}

/** Longest piece of output without a line end that is kept: `--max-columns` keeps lines far below. */
const MAX_LINE_BYTES = 64 * 1024;
const MAX_STDERR = 4096;

/** Searches by ripgrep, which is much faster and whose regular expressions never take for ever. */
export async function searchByRipgrep(rg: Ripgrep, query: SearchQuery, findings: SearchFindings): Promise<SearchEnd> {
  const child = Bun.spawn([rg.program, ...argumentsOf(query)], {
    cwd: query.isFolder ? query.path : dirname(query.path),
    env: toolEnvironment(rg.environment, rg.toolCallId),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const kill = () => signalGroup(child.pid, "SIGKILL");
  query.signal.addEventListener("abort", kill, { once: true });
  if (query.signal.aborted) kill();
  try {
    const [, faults] = await Promise.all([
      readLines(child.stdout, (line) => takeLine(line, query, findings)).then((ended) => ended || kill()),
      startOf(child.stderr),
    ]);
    await child.exited;
    if (child.exitCode === 2 && /regex parse error|error parsing|is not allowed in a regex/.test(faults)) {
      return { kind: "refused", text: `The pattern is not a regular expression:\n${faults.trim()}` };
    }
    if (child.exitCode !== 2) return { kind: "done", notes: [] };
    const lines = faults.trim().split("\n");
    return { kind: "done", notes: [`Not all was searched: ${lines.slice(0, 3).join("; ")}`] };
  } finally {
    query.signal.removeEventListener("abort", kill);
    kill();
  }
}

function argumentsOf(query: SearchQuery): string[] {
  return [
    ...["--no-config", "--color=never", "--no-heading", "--with-filename", "--line-number", "--null", "--sort=path"],
    ...["--hidden", "--no-require-git", "--max-columns", String(LIMITS.toolLineCharacters), "--max-columns-preview"],
    ...(query.includeIgnored ? ["--no-ignore"] : ["--glob=!.git"]),
    ...(query.ignoreCase ? ["--ignore-case"] : []),
    ...(query.context > 0 ? ["--context", String(query.context)] : []),
    ...["--regexp", query.pattern, "--", query.isFolder ? "./" : `./${basename(query.path)}`],
  ];
}

/** One line: `name NUL number : text`, with `-` in the place of `:` around a match. False: enough was found. */
function takeLine(line: string, query: SearchQuery, findings: SearchFindings): boolean {
  const [, name, number, mark, text] = /^([^\0]*)\0(\d+)([:-])([\s\S]*)$/.exec(line) ?? [];
  if (name === undefined || number === undefined) return true;
  const file = name.replace(/^\.[/\\]/, "").replaceAll("\\", "/");
  if (query.isFolder && !query.fits(file)) return true;
  return findings.add({ file, number: Number(number), text: text ?? "", matched: mark === ":" });
}

/** Calls `take` with each line until it answers false; true where the stream ended by itself. */
async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => boolean): Promise<boolean> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE_BYTES);
    for (const line of lines) if (!take(line)) return false;
  }
  return rest === "" || take(rest);
}

async function startOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of stream) if (text.length < MAX_STDERR) text += decoder.decode(piece, { stream: true });
  return text.slice(0, MAX_STDERR);
}
