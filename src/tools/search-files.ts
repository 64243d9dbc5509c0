import { stat } from "node:fs/promises";
import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { searchBuiltIn } from "./built-in-search.ts";
import { globMatcher } from "./globs.ts";
import { confine } from "./paths.ts";
import { searchByRipgrep } from "./ripgrep-search.ts";
import { SearchFindings, type SearchQuery } from "./search.ts";
import type { Tool } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";

const DEFAULT_MATCHES = 200;

const inputSchema = z.strictObject({
  pattern: z.string().min(1).max(10_000).describe("Regular expression, matched line by line"),
  path: z.string().min(1).optional().describe("Folder or file to search; default: the project's folder"),
  glob: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("Only files that fit, `**/*.ts` say; one without / fits at any depth"),
  ignore_case: z.boolean().optional(),
  context: z.int().min(0).max(20).optional().describe("Lines to show around each match; default 0"),
  max_results: z
    .int()
    .min(1)
    .max(LIMITS.toolSearchMatches)
    .optional()
    .describe(`Matching lines to give; default ${DEFAULT_MATCHES}`),
  include_ignored: z.boolean().optional().describe("Search what .gitignore ignores, too"),
});

export interface SearchTools {
  /** Path of ripgrep; undefined: the built-in search is used. */
  readonly ripgrep: () => string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Searches by ripgrep where it is there, else by itself. */
export function searchFilesTool(search: SearchTools): Tool<typeof inputSchema> {
  return {
    name: "search_files",
    description:
      "Searches files for a regular expression, line by line, without what .gitignore ignores and without binary files. " +
      "Gives the matching lines with their numbers, file by file.",
    inputSchema,
    runsOn: "daemon",
    timeoutMs: () => LIMITS.fileToolMs,
    async run(input, context) {
      const place = await confine(input.path ?? ".", context.roots);
      if (place.kind === "refused") return failed(place.text);
      const found = await stat(place.path).catch(() => undefined);
      if (found === undefined) return failed(`There is no file or folder ${place.shown}.`);
      if (!found.isDirectory() && !found.isFile())
        return failed(`${place.shown} is not a regular file, which is not read.`);
      if (context.signal.aborted) return failed("Ended before the search began.");
      const query: SearchQuery = {
        pattern: input.pattern,
        ignoreCase: input.ignore_case ?? false,
        path: place.path,
        isFolder: found.isDirectory(),
        root: place.root,
        roots: context.roots,
        fits: input.glob === undefined ? () => true : globMatcher(input.glob),
        context: input.context ?? 0,
        includeIgnored: input.include_ignored ?? false,
        signal: context.signal,
        clock: context.clock,
      };
      const findings = new SearchFindings(input.max_results ?? DEFAULT_MATCHES);
      const program = search.ripgrep();
      const rg = { environment: search.environment, toolCallId: context.toolCallId };
      const end =
        program === undefined
          ? await searchBuiltIn(query, findings)
          : await searchByRipgrep({ ...rg, program }, query, findings).catch((error: unknown) => {
              return { kind: "refused" as const, text: `ripgrep could not be run: ${messageOf(error)}` };
            });
      if (end.kind === "refused") return failed(end.text);
      const notes = [...end.notes];
      if (findings.full) notes.push("There are more: narrow the search by pattern, path or glob.");
      if (context.signal.aborted) notes.push("Ended before all was searched.");
      const summary =
        findings.matches === 0
          ? "No line matches."
          : `${count(findings.matches, "matching line")} in ${count(findings.files, "file")}.`;
      return succeeded([summary, ...findings.lines, ...notes.map((note) => `[${note}]`)].join("\n"));
    },
  };
}
