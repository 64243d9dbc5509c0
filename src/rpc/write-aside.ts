import type { Writable } from "node:stream";
import { createContextKey } from "@connectrpc/connect";
import type { NodeResponse } from "./node-request.ts";

/**
 * Writes whole messages, as they stand on the wire, to a stream's answer beside those that its handler yields. Nothing is
 * written before the answer's header, behind its end, or while the client has not taken what was written before.
 */
export type WriteAside = (frame: Uint8Array) => void;

/** In the context of each handler: for what is sent to thousands of silent streams, and needs none of what a message goes through. */
export const writeAsideKey = createContextKey<WriteAside>(() => undefined, { description: "write aside" });

export function writeAside(response: NodeResponse): WriteAside {
  return (frame) => {
    const writable: Writable = "stream" in response ? response.stream : response;
    if (!response.headersSent || response.writableEnded || writable.destroyed || writable.writableLength > 0) return;
    writable.write(frame);
  };
}
