import type { FileHandle } from "node:fs/promises";
import { z } from "zod";
import type { ToolResult } from "../chat/message.ts";
import { LIMITS } from "../core/limits.ts";
import { fileKind } from "./file-kind.ts";
import { LineWindow, numbered } from "./line-window.ts";
import { openFile } from "./open-inside.ts";
import { confine } from "./paths.ts";
import type { Tool, ToolContext } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";

const inputSchema = z.strictObject({
  path: z.string().min(1).describe("File, from the project's folder or absolute"),
  offset: z.int().min(1).optional().describe("First line to read, from 1; default 1"),
  limit: z.int().min(1).optional().describe(`Lines to read; default ${LIMITS.toolReadLines}`),
});

const BUFFER_BYTES = 256 * 1024;
const START_BYTES = 8192;
/** Room in a result for what is said about the file. */
const NOTES_BYTES = 1024;

export const readFileTool: Tool<typeof inputSchema> = {
  name: "read_file",
  description:
    "Reads a file: text with line numbers, images (PNG, JPEG, GIF, WebP) as images. " +
    "For long files give offset and limit. The numbers and the tab behind them are not part of the file.",
  inputSchema,
  runsOn: "daemon",
  timeoutMs: () => LIMITS.fileToolMs,
  async run(input, context) {
    const place = await confine(input.path, context.roots);
    if (place.kind === "refused") return failed(place.text);
    const opened = await openFile(place.path, place.shown, context.roots);
    switch (opened.kind) {
      case "missing":
        return failed(`There is no file ${place.shown}. list_files shows what there is.`);
      case "folder":
        return failed(`${place.shown} is a folder: list_files shows what is in it.`);
      case "refused":
        return failed(opened.text);
      case "file":
        try {
          return await readOpened(opened.handle, opened.stats.size, place.shown, input, context);
        } finally {
          await opened.handle.close();
        }
    }
  },
};

async function readOpened(
  handle: FileHandle,
  size: number,
  shown: string,
  input: z.output<typeof inputSchema>,
  context: ToolContext,
): Promise<ToolResult> {
  const start = new Uint8Array(START_BYTES);
  const { bytesRead } = await handle.read(start, 0, START_BYTES, 0);
  const kind = fileKind(start.subarray(0, bytesRead));
  if (kind.kind === "binary") {
    return failed(
      `${shown} is not text (${kind.what}, ${count(size, "byte")}). Use shell with a program that reads it.`,
    );
  }
  if (kind.kind === "image") return readImage(handle, size, shown, kind.mediaType);
  if (bytesRead === 0) return succeeded(`${shown} is empty.`);
  return readText(handle, size, shown, input, context);
}

async function readImage(handle: FileHandle, size: number, shown: string, mediaType: string): Promise<ToolResult> {
  if (size > LIMITS.toolImageBytes) {
    return failed(
      `${shown} is an image of ${size} bytes; at most ${LIMITS.toolImageBytes} can be shown. Make it smaller first.`,
    );
  }
  const data = Buffer.alloc(size);
  const { bytesRead } = await handle.read(data, 0, size, 0);
  const image = { mediaType, data: data.subarray(0, bytesRead).toString("base64") };
  return { ...succeeded(`${shown}: ${mediaType}, ${count(size, "byte")}.`), images: [image] };
}

async function readText(
  handle: FileHandle,
  size: number,
  shown: string,
  { offset = 1, limit = LIMITS.toolReadLines }: z.output<typeof inputSchema>,
  { signal }: ToolContext,
): Promise<ToolResult> {
  const window = new LineWindow({ from: offset, count: limit, maxBytes: LIMITS.toolResultTextBytes - NOTES_BYTES });
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, Math.max(START_BYTES, size + 1)));
  let position = 0;
  for (;;) {
    if (signal.aborted) return failed(`Ended after ${position} bytes of ${shown}.`);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    window.push(buffer.subarray(0, bytesRead));
  }
  window.end();
  const total = window.lineCount;
  const last = window.lines.at(-1);
  if (last === undefined) {
    return failed(`${shown} has only ${count(total, "line")}; line ${offset} is behind its end.`);
  }
  const notes: string[] = [];
  if (last.number < total) {
    notes.push(`[Lines ${offset} to ${last.number} of ${total}. To go on: offset ${last.number + 1}.]`);
  }
  if (window.invalid) notes.push("[Not all of it is UTF-8; what is not is shown as \uFFFD.]");
  return succeeded([numbered(window.lines), ...notes].join("\n"), { lines: total, bytes: position });
}
