import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, ReliantError } from "../core/errors.ts";
import { clients } from "../stack/stack-client.ts";

const OPTIONS = z.object({
  url: z.string(),
  /** A file with one JWT a line. */
  tokensFile: z.string(),
  /** Streams that are being opened at once. */
  opening: z.int(),
});

/** How many streams stand. */
export const HELD = z.object({ open: z.int(), failed: z.int(), reason: z.string() });
/** How many stood until the end, and why the newest of the others did not. */
export const KEPT = z.object({ open: z.int(), lost: z.int(), reason: z.string() });
export type KeptStreams = z.infer<typeof KEPT>;

/**
 * A process that holds one live update stream a user, as so many screens would, and reads what comes. Says `held` once all
 * are open or failed, and `kept` when the signal ends it or no stream is left.
 */
export async function runStreamHolder(
  given: unknown,
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = OPTIONS.parse(given);
  const tokens = (await readFile(options.tokensFile, "utf8")).trim().split("\n");
  const held = { open: 0, failed: 0 };
  const streams: Promise<void>[] = [];
  let lost = 0;
  let reason = "";
  let next = 0;
  const open = async () => {
    for (let token = tokens[next++]; token !== undefined; token = tokens[next++]) {
      const opened = Promise.withResolvers<void>();
      streams.push(
        follow(options.url, token, signal, () => opened.resolve())
          .then(() => {
            throw new ReliantError("unavailable", "hold a stream: the server has ended it");
          })
          .catch((error: unknown) => {
            opened.reject(error);
            if (signal.aborted) return;
            lost++;
            reason = messageOf(error);
          }),
      );
      await opened.promise.then(
        () => void held.open++,
        () => void held.failed++,
      );
    }
  };
  await Promise.all(Array.from({ length: options.opening }, open));
  say("held", { ...held, reason });
  await Promise.all(streams);
  say("kept", { open: streams.length - lost, lost, reason });
}

async function follow(url: string, token: string, signal: AbortSignal, onOpen: () => void): Promise<void> {
  const { updates } = clients(url, token);
  const stream = updates.streamUserUpdates({ afterSequence: 0n, chats: [] }, { signal, onHeader: onOpen });
  for await (const _ of stream) onOpen();
}
