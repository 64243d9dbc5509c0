import type { Http2Session } from "node:http2";
import { LIMITS } from "../core/limits.ts";

/** How Bun 1.4.5 names the property under which an HTTP/2 session keeps its parser, which is native. */
const PARSER = "::bunhttp2native::";

/**
 * Tells when the client of one HTTP/2 connection only keeps us busy, with frames that come faster than any content: a
 * header that never ends, in empty frames (CVE-2024-28182), or frames of unknown kinds. Nobody reads along: the
 * runtime's parser counts the frames, and takes them from the system itself, which saves a gateway a tenth of its time.
 * Broken off requests (CVE-2023-44487), pings and the bytes of a header are bounded by the runtime.
 */
export class Http2Guard {
  private frames = 0;

  constructor(
    /** Frames of the client since the connection began. */
    private readonly received: () => number,
    private askedAtMs: number,
  ) {}

  /** True where it is to be cut. Asked every second or so. */
  floods(nowMs: number): boolean {
    const frames = this.received();
    const perSecond = (1000 * (frames - this.frames)) / Math.max(1000, nowMs - this.askedAtMs);
    this.frames = frames;
    this.askedAtMs = nowMs;
    return perSecond > LIMITS.framesPerSecond;
  }
}

/** By the runtime's own count; 0 where it does not tell, which tests/unit/rpc/http2-flood.test.ts would see. */
export function framesReceived(session: Http2Session): number {
  parserKey ??= keyOf(session);
  const parser: unknown = parserKey === undefined ? undefined : Reflect.get(session, parserKey);
  return hasCounters(parser) ? parser.getFrameCounters().framesReceived : 0;
}

let parserKey: symbol | undefined;

function keyOf(session: object): symbol | undefined {
  for (let at: object | null = session; at !== null; at = Object.getPrototypeOf(at)) {
    const key = Object.getOwnPropertySymbols(at).find(({ description }) => description === PARSER);
    if (key !== undefined) return key;
  }
  return undefined;
}

interface Counters {
  getFrameCounters(): { readonly framesReceived: number };
}

function hasCounters(parser: unknown): parser is Counters {
  return typeof parser === "object" && parser !== null && "getFrameCounters" in parser;
}
