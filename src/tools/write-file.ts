import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { openFile } from "./open-inside.ts";
import { confine } from "./paths.ts";
import type { Tool } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";
import { mayBeWritten, writeAtomically } from "./write-atomically.ts";

const inputSchema = z.strictObject({
  path: z.string().min(1).describe("File, from the project's folder or absolute"),
  content: z.string().describe("The whole new content"),
});

export const writeFileTool: Tool<typeof inputSchema> = {
  name: "write_file",
  description:
    "Writes a whole file; makes it and its folders where they do not exist, and replaces what was in it. " +
    "To change a part of a file use edit_file.",
  inputSchema,
  runsOn: "daemon",
  timeoutMs: () => LIMITS.fileToolMs,
  async run({ path, content }, { roots, signal }) {
    const place = await confine(path, roots);
    if (place.kind === "refused") return failed(place.text);
    if (/[/\\]$/.test(path)) return failed(`${path} ends like a folder: name a file.`);
    const old = await openFile(place.path, place.shown, roots);
    if (old.kind === "folder") return failed(`${place.shown} is a folder: name a file.`);
    if (old.kind === "refused") return failed(old.text);
    const mode = old.kind === "file" ? old.stats.mode : undefined;
    if (old.kind === "file") {
      await old.handle.close();
      if (!(await mayBeWritten(place.path))) return failed(`${place.shown} may not be written: it is read-only.`);
    }
    if (signal.aborted) return failed("Ended before the file was written.");
    try {
      await mkdir(dirname(place.path), { recursive: true });
    } catch (error) {
      return failed(`The folder of ${place.shown} cannot be made: ${messageOf(error)}`);
    }
    const fault = await writeAtomically(place.path, content, mode, roots);
    if (fault !== undefined) return failed(`${place.shown} could not be written: ${fault}`);
    const size = `${count(lineCount(content), "line")}, ${count(Buffer.byteLength(content), "byte")}`;
    return succeeded(`${mode === undefined ? "Made" : "Replaced"} ${place.shown}: ${size}.`);
  },
};

function lineCount(text: string): number {
  if (text === "") return 0;
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}
