import { stat } from "node:fs/promises";
import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { globMatcher } from "./globs.ts";
import { confine } from "./paths.ts";
import type { Tool } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";
import { walk } from "./walk.ts";

const inputSchema = z.strictObject({
  path: z.string().min(1).optional().describe("Folder; default: the project's folder"),
  glob: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("Only files that fit, `**/*.ts` say; one without / fits at any depth"),
  depth: z.int().min(1).max(100).optional().describe("How deep to look: 1 is the folder itself; default: all"),
  include_ignored: z.boolean().optional().describe("Show what .gitignore ignores, too"),
});

/** Room in a result for what is said about the list. */
const NOTES_BYTES = 1024;

export const listFilesTool: Tool<typeof inputSchema> = {
  name: "list_files",
  description:
    "Lists files and folders below a folder, without what .gitignore ignores. Folders end with /, links with @. " +
    `At most ${LIMITS.toolListEntries} names: narrow it by path, glob or depth.`,
  inputSchema,
  runsOn: "daemon",
  timeoutMs: () => LIMITS.fileToolMs,
  async run({ path = ".", glob, depth = 100, include_ignored: includeIgnored = false }, { roots, signal }) {
    const place = await confine(path, roots);
    if (place.kind === "refused") return failed(place.text);
    const found = await stat(place.path).catch(() => undefined);
    if (found === undefined) return failed(`There is no folder ${place.shown}.`);
    if (!found.isDirectory()) return failed(`${place.shown} is not a folder.`);

    const fits = glob === undefined ? undefined : globMatcher(glob);
    const names: string[] = [];
    let left = LIMITS.toolResultTextBytes - NOTES_BYTES;
    let more = 0;
    const entries = walk({ folder: place.path, root: place.root, depth, includeIgnored, signal });
    let next = await entries.next();
    for (; !next.done; next = await entries.next()) {
      const { name, kind } = next.value;
      if (fits !== undefined && (kind === "folder" || !fits(name))) continue;
      const shown = kind === "folder" ? `${name}/` : kind === "link" ? `${name}@` : name;
      left -= Buffer.byteLength(shown) + 1;
      if (names.length >= LIMITS.toolListEntries || left < 0) more++;
      else names.push(shown);
    }
    const { cut, unreadable } = next.value;
    const notes: string[] = [];
    if (more > 0) notes.push(`[${more} more are not shown: narrow it by path, glob or depth.]`);
    if (cut) notes.push(`[Ended after ${LIMITS.toolWalkEntries} files: there may be more.]`);
    if (signal.aborted) notes.push("[Ended before all was looked at.]");
    if (unreadable > 0) notes.push(`[${count(unreadable, "folder")} could not be read.]`);
    if (names.length === 0) names.push(glob === undefined ? "(nothing)" : `(nothing fits ${glob})`);
    return succeeded([...names, ...notes].join("\n"));
  },
};
