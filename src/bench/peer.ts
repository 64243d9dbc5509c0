import type { z } from "zod";
import type { ManagedProcess } from "../stack/managed-process.ts";

/** The hidden command that runs one peer: `reliant bench-peer <name> <options as JSON>`. */
const PEER_COMMAND = "bench-peer";

/** Starts another process of this bench from the executable. */
export function startPeer(
  from: { spawn(args: readonly string[]): Promise<ManagedProcess> },
  name: string,
  options: unknown,
): Promise<ManagedProcess> {
  return from.spawn([PEER_COMMAND, name, JSON.stringify(options)]);
}

/** What a peer said under this word: it writes lines `<word> <JSON>`. Waits for it. */
export async function awaitWord<T>(
  peer: ManagedProcess,
  word: string,
  shape: z.ZodType<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const [, json = "null"] = await peer.awaitOutput(new RegExp(`^${word} (.*)$`, "m"), timeoutMs, signal);
  return shape.parse(JSON.parse(json));
}
