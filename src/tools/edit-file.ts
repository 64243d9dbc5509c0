import type { FileHandle } from "node:fs/promises";
import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { numbered } from "./line-window.ts";
import { nearMisses } from "./near-miss.ts";
import { openFile } from "./open-inside.ts";
import { confine } from "./paths.ts";
import { editText } from "./text-edit.ts";
import type { Tool } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";
import { mayBeWritten, writeAtomically } from "./write-atomically.ts";

const inputSchema = z.strictObject({
  path: z.string().min(1).describe("File, from the project's folder or absolute"),
  old_string: z.string().describe("Text to replace, exactly as it is in the file, blanks and line ends included"),
  new_string: z.string().describe("Text to put in its place"),
  replace_all: z.boolean().optional().describe("Replace every place; without it there must be exactly one"),
});

/** Lines shown around a change, and of a place that is shown; characters of a line. */
const AROUND = 2;
const SHOWN_LINES = 20;
const SHOWN_CHARACTERS = 500;
const SHOWN_PLACES = 20;

export const editFileTool: Tool<typeof inputSchema> = {
  name: "edit_file",
  description:
    "Replaces a text in a file by another. old_string must be in the file exactly once, or give replace_all; " +
    "take some lines around it to make it unique. Without the line numbers that read_file shows.",
  inputSchema,
  runsOn: "daemon",
  timeoutMs: () => LIMITS.fileToolMs,
  async run({ path, old_string: old, new_string: replacement, replace_all: all = false }, { roots, signal }) {
    if (old === "")
      return failed("old_string is empty: give the text to replace. To write a whole file use write_file.");
    if (old === replacement) return failed("old_string and new_string are the same: there is nothing to change.");
    const place = await confine(path, roots);
    if (place.kind === "refused") return failed(place.text);
    const opened = await openFile(place.path, place.shown, roots);
    if (opened.kind === "missing") return failed(`There is no file ${place.shown}. To make it use write_file.`);
    if (opened.kind === "folder") return failed(`${place.shown} is a folder.`);
    if (opened.kind === "refused") return failed(opened.text);
    const { handle, stats } = opened;
    const read = await textOf(handle, stats.size).finally(() => handle.close());
    if (read.kind === "unfit") return failed(`${place.shown} ${read.why}`);

    const edit = editText(read.text, old, replacement, all);
    if (edit.kind === "not_found") return failed(notFound(place.shown, read.text, old));
    if (edit.kind === "ambiguous") {
      const lines = edit.lines.slice(0, SHOWN_PLACES).join(", ");
      const more = edit.lines.length > SHOWN_PLACES ? ", …" : "";
      return failed(
        `old_string is in ${place.shown} ${edit.lines.length} times, in lines ${lines}${more}. ` +
          "Take more of the text around it, or give replace_all.",
      );
    }
    if (!(await mayBeWritten(place.path))) return failed(`${place.shown} may not be written: it is read-only.`);
    if (signal.aborted) return failed("Ended before the file was changed.");
    const fault = await writeAtomically(place.path, edit.text, stats.mode, roots);
    if (fault !== undefined) return failed(`${place.shown} could not be written: ${fault}`);
    const [first = 1] = edit.lines;
    const places = count(edit.lines.length, "place");
    return succeeded(`Changed ${places} in ${place.shown}.\n${around(edit.text, first, edit.height)}`);
  },
};

async function textOf(
  handle: FileHandle,
  size: number,
): Promise<{ readonly kind: "text"; readonly text: string } | { readonly kind: "unfit"; readonly why: string }> {
  if (size > LIMITS.toolEditFileBytes) {
    return { kind: "unfit", why: `has ${size} bytes; at most ${LIMITS.toolEditFileBytes} can be edited. Use shell.` };
  }
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await handle.read(bytes, 0, size, 0);
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { kind: "text", text: decoder.decode(bytes.subarray(0, bytesRead)) };
  } catch {
    return { kind: "unfit", why: "is not UTF-8 text: editing it here would damage it. Use shell." };
  }
}

function notFound(shown: string, text: string, old: string): string {
  const misses = nearMisses(text, old);
  if (misses.length === 0) return `old_string is not in ${shown}, nor anything like it. Read the file again.`;
  const how = misses.some((miss) => miss.blanksOnly) ? "only blanks differ here" : "most alike is";
  const places = misses.map(({ from, lines }) => {
    return numbered(
      lines.slice(0, SHOWN_LINES).map((line, index) => ({ number: from + index, text: shortened(line) })),
    );
  });
  return `old_string is not in ${shown}; ${how}:\n${places.join("\n   …\n")}`;
}

function around(text: string, line: number, height: number): string {
  const lines = text.split("\n");
  const from = Math.max(1, line - AROUND);
  const to = Math.min(lines.length, line + Math.min(height, SHOWN_LINES) - 1 + AROUND);
  return numbered(lines.slice(from - 1, to).map((shown, index) => ({ number: from + index, text: shortened(shown) })));
}

function shortened(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
