import { basename } from "node:path";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { fileKind } from "./file-kind.ts";
import { openFile } from "./open-inside.ts";
import { regexCost } from "./regex-safety.ts";
import type { SearchEnd, SearchFindings, SearchQuery } from "./search.ts";
import { count } from "./tool-result.ts";
import { walk } from "./walk.ts";

const START_BYTES = 8192;

/** Searches file by file in this process, for machines without ripgrep. */
export async function searchBuiltIn(query: SearchQuery, findings: SearchFindings): Promise<SearchEnd> {
  const cost = regexCost(query.pattern);
  if (cost.kind === "endless") {
    return {
      kind: "refused",
      text: `This pattern could take for ever: ${cost.reason}. Write it simpler, or install ripgrep (rg), which has no such limit.`,
    };
  }
  let regex: RegExp;
  try {
    regex = new RegExp(query.pattern, query.ignoreCase ? "i" : "");
  } catch (error) {
    return { kind: "refused", text: `The pattern is not a regular expression: ${messageOf(error)}` };
  }
  const search = new Search(query, findings, regex, cost.lineCharacters);
  if (query.isFolder) return search.folder();
  await search.file(query.path, basename(query.path));
  return search.end(false);
}

class Search {
  private tooLarge = 0;
  private longLines = 0;
  private unreadable = 0;
  /** Line that the pattern took too long for. */
  private slowAt: string | undefined;

  constructor(
    private readonly query: SearchQuery,
    private readonly findings: SearchFindings,
    private readonly regex: RegExp,
    private readonly lineCharacters: number,
  ) {}

  async folder(): Promise<SearchEnd> {
    const { path, root, includeIgnored, signal, fits } = this.query;
    const entries = walk({ folder: path, root, depth: Number.POSITIVE_INFINITY, includeIgnored, signal });
    let next = await entries.next();
    for (; !next.done; next = await entries.next()) {
      const { kind, name, path: file } = next.value;
      if (kind !== "file" || !fits(name)) continue;
      if (!(await this.file(file, name))) return this.end(false);
    }
    this.unreadable += next.value.unreadable;
    return this.end(next.value.cut);
  }

  /** False where the search may end. */
  async file(path: string, name: string): Promise<boolean> {
    const opened = await openFile(path, name, this.query.roots);
    if (opened.kind !== "file") {
      this.unreadable++;
      return true;
    }
    try {
      if (opened.stats.size > LIMITS.toolSearchFileBytes) {
        this.tooLarge++;
        return true;
      }
      const bytes = await opened.handle.readFile();
      if (fileKind(bytes.subarray(0, START_BYTES)).kind !== "text") return true;
      return this.lines(bytes.toString("utf8").split("\n"), name);
    } finally {
      await opened.handle.close();
    }
  }

  private lines(lines: readonly string[], file: string): boolean {
    const { context, clock } = this.query;
    // The newline that ends the file begins no line.
    const length = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    let shown = 0;
    const show = (number: number, matched: boolean) => {
      if (number <= shown || number > length) return true;
      shown = number;
      return this.findings.add({ file, number, text: lines[number - 1] ?? "", matched });
    };
    let contextUntil = 0;
    let begunMs = clock.stamp().monotonicMs;
    for (let number = 1; number <= length; number++) {
      // The time of a match grows faster than its line.
      const line = lines[number - 1] ?? "";
      if (line.length > this.lineCharacters) this.longLines++;
      const matched = this.regex.test(line.slice(0, this.lineCharacters));
      const endedMs = clock.stamp().monotonicMs;
      if (endedMs - begunMs > LIMITS.toolSearchLineMs) {
        this.slowAt = `${file}:${number}`;
        return false;
      }
      begunMs = endedMs;
      if (matched) {
        for (let before = number - context; before < number; before++)
          if (before > 0 && !show(before, false)) return false;
        contextUntil = number + context;
      }
      if ((matched || number <= contextUntil) && !show(number, matched)) return false;
    }
    return !this.query.signal.aborted;
  }

  end(cut: boolean): SearchEnd {
    const notes: string[] = [];
    if (cut) notes.push(`Ended after ${LIMITS.toolWalkEntries} files: there may be more.`);
    if (this.slowAt !== undefined) notes.push(`Ended at ${this.slowAt}: this pattern is too slow. Write it simpler.`);
    if (this.longLines > 0) {
      notes.push(`${count(this.longLines, "line")} searched in the first ${this.lineCharacters} characters only.`);
    }
    if (this.tooLarge > 0) {
      notes.push(`${count(this.tooLarge, "file")} of more than ${LIMITS.toolSearchFileBytes} bytes not searched.`);
    }
    if (this.unreadable > 0) notes.push(`${this.unreadable} could not be read.`);
    return { kind: "done", notes };
  }
}
