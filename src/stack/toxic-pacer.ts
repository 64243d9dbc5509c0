import { unreachable } from "../core/errors.ts";
import type { Toxic } from "./toxics.ts";

/** What travels in one direction of a connection. `end`: no more data (FIN). `close`: both ends, in order. `reset`: both, by RST. */
export type LaneEvent =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "close" }
  | { readonly kind: "reset" };

/** An event and the moment when it is due; `Infinity`: not before the toxics change. */
export interface Timed {
  readonly atMs: number;
  readonly event: LaneEvent;
}

/** Says when each event comes out, given when it came in, in order; may cut data into pieces. */
export type Pacer = (timed: Timed) => readonly Timed[];

/** Pieces of a bandwidth: ten a second. */
const PIECES_PER_SECOND = 10;

/** The pacer of a toxic; undefined where it does not pace. `random` gives 0 to 1. */
export function pacerOf(toxic: Toxic, random: () => number): Pacer | undefined {
  switch (toxic.kind) {
    case "latency":
      return latency(toxic.latencyMs, toxic.jitterMs, random);
    case "bandwidth":
      return bandwidth(toxic.bytesPerSecond);
    case "slicer":
      return slicer(toxic.averageBytes, toxic.variationBytes, toxic.delayMs, random);
    case "timeout":
      return ({ event }) => [{ atMs: Number.POSITIVE_INFINITY, event }];
    case "slow_close":
      return slowClose(toxic.delayMs);
    case "reset_peer":
    case "limit_data":
      return undefined;
    default:
      return unreachable(toxic);
  }
}

function latency(latencyMs: number, jitterMs: number, random: () => number): Pacer {
  let newestMs = Number.NEGATIVE_INFINITY;
  return ({ atMs, event }) => {
    const laterMs = Math.max(0, latencyMs + jitterMs * (2 * random() - 1));
    newestMs = Math.max(newestMs, atMs + laterMs);
    return [{ atMs: newestMs, event }];
  };
}

function bandwidth(bytesPerSecond: number): Pacer {
  const pieceBytes = Math.max(1, Math.floor(bytesPerSecond / PIECES_PER_SECOND));
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return ({ atMs, event }) => {
    freeAtMs = Math.max(freeAtMs, atMs);
    if (event.kind !== "data") return [{ atMs: freeAtMs, event }];
    return cut(event.bytes, () => pieceBytes).map((bytes) => {
      freeAtMs += (1000 * bytes.length) / bytesPerSecond;
      return { atMs: freeAtMs, event: { kind: "data", bytes } };
    });
  };
}

function slicer(averageBytes: number, variationBytes: number, delayMs: number, random: () => number): Pacer {
  const size = () => Math.max(1, Math.round(averageBytes + variationBytes * (2 * random() - 1)));
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return ({ atMs, event }) => {
    if (event.kind !== "data") return [{ atMs: Math.max(freeAtMs, atMs), event }];
    return cut(event.bytes, size).map((bytes) => {
      const dueMs = Math.max(freeAtMs, atMs);
      freeAtMs = dueMs + delayMs;
      return { atMs: dueMs, event: { kind: "data", bytes } };
    });
  };
}

function slowClose(delayMs: number): Pacer {
  return ({ atMs, event }) => [{ atMs: event.kind === "data" ? atMs : atMs + delayMs, event }];
}

/** Views of the same memory, nothing is copied. */
function cut(bytes: Uint8Array, size: () => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + size());
    pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}
