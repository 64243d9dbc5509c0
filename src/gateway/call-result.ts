import type { JsonValue } from "../chat/json.ts";
import type { ToolResult } from "../chat/message.ts";
import { resultTextOf } from "../chat/result-text.ts";
import type { Ending } from "../chat/transitions.ts";
import { LIMITS } from "../core/limits.ts";
import { type CallResult, CallResult_Ending } from "../gen/reliant/v1/daemon_pb.ts";
import type { ToolResult as ToolResultFrame } from "../gen/reliant/v1/tool_pb.ts";

/** How a daemon says that a call ended, in the ledger's words. */
export function endingOf(frame: CallResult): Ending {
  switch (frame.ending) {
    case CallResult_Ending.FINISHED:
      return frame.result?.isError === true ? "finished_with_error" : "finished";
    case CallResult_Ending.CANCELLED:
      return "cancelled";
    case CallResult_Ending.NOT_STARTED:
      return "not_started";
    case CallResult_Ending.TIMED_OUT:
      return "timed_out";
    case CallResult_Ending.DENIED:
      return "denied";
    // The check lets nothing else through; what a newer daemon may add is not known to have ended well.
    default:
      return "gone";
  }
}

/** What the tool gave, within our bounds: a daemon is not trusted to keep them. Cuts are marked. */
export function resultOf(frame: ToolResultFrame | undefined): ToolResult | undefined {
  if (frame === undefined) return undefined;
  const images = frame.images
    .filter((image) => image.data.length <= LIMITS.toolImageBytes)
    .map((image) => ({ mediaType: image.mediaType, data: Buffer.from(image.data).toString("base64") }));
  const lost = frame.images.length - images.length;
  const details = parseDetails(frame.detailsJson);
  return {
    text: resultTextOf(
      frame.text,
      lost === 0 ? "" : `\n[${lost} images left out: larger than ${LIMITS.toolImageBytes} bytes]`,
    ),
    isError: frame.isError,
    ...(images.length === 0 ? {} : { images }),
    ...(details === undefined ? {} : { details }),
  };
}

/** Bytes that the frame keeps in memory while it waits for the store, about. */
export function sizeOf(frame: CallResult): number {
  const result = frame.result;
  if (result === undefined) return 0;
  return result.images.reduce((sum, image) => sum + image.data.length, result.text.length + result.detailsJson.length);
}

/** Facts for programs; a text that is not JSON within our bounds is no fact, and no reason to lose the result. */
function parseDetails(text: string): JsonValue | undefined {
  if (text === "" || Buffer.byteLength(text) > LIMITS.toolDetailsBytes) return undefined;
  if (nesting(text) > LIMITS.toolDetailsNesting) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How deep the text is nested at most; brackets within strings count as well. */
function nesting(text: string): number {
  let depth = 0;
  let most = 0;
  for (const character of text) {
    if (character === "[" || character === "{") most = Math.max(most, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return most;
}
