import type { ToolImage, ToolResult } from "../chat/message.ts";
import { LIMITS } from "../core/limits.ts";

/** Room for everything of a result frame but its images: the text, facts, ids. */
const FRAME_ROOM_BYTES = LIMITS.toolResultTextBytes + LIMITS.outputChunkBytes * 2;

/** Room for the mark of a cut, with the longest number of bytes. */
const MARK_BYTES = 64;

/** The result as it fits one frame: whatever a tool hands out, its call ends. What is left out is said in the text. */
export function fitResult(result: ToolResult): ToolResult {
  const { kept, left } = fitImages(result.images ?? []);
  const detailsFit = result.details === undefined || bytesOf(JSON.stringify(result.details)) <= LIMITS.outputChunkBytes;
  const notes = [
    ...(left > 0 ? [`[${left} of ${left + kept.length} images left out: too large]`] : []),
    ...(detailsFit ? [] : ["[details left out: too large]"]),
  ];
  return {
    text: [fitText(result.text, LIMITS.toolResultTextBytes), ...notes].join("\n"),
    isError: result.isError,
    ...(kept.length > 0 ? { images: kept } : {}),
    ...(result.details !== undefined && detailsFit ? { details: result.details } : {}),
  };
}

/** About what the result takes in a frame. */
export function resultBytes(result: ToolResult | undefined): number {
  if (result === undefined) return 0;
  const images = (result.images ?? []).reduce((sum, image) => sum + imageBytes(image), 0);
  return result.text.length + images;
}

function fitImages(images: readonly ToolImage[]): { kept: readonly ToolImage[]; left: number } {
  const kept: ToolImage[] = [];
  let room = LIMITS.frameBytes - FRAME_ROOM_BYTES;
  for (const image of images) {
    room -= imageBytes(image);
    if (room < 0 || kept.length >= LIMITS.toolResultImages) break;
    kept.push(image);
  }
  return { kept, left: images.length - kept.length };
}

function imageBytes({ data, mediaType }: ToolImage): number {
  return Math.ceil((data.length * 3) / 4) + mediaType.length;
}

/** The text itself, or its head and its tail with a mark between them; cut between characters. */
function fitText(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const half = Math.floor((maxBytes - MARK_BYTES) / 2);
  const mark = `\n[… ${bytes.length - 2 * half} bytes left out …]\n`;
  return `${decode(bytes.subarray(0, half))}${mark}${decode(bytes.subarray(bytes.length - half))}`;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/^\uFFFD+|\uFFFD+$/g, "");
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
