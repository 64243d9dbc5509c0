import { fromServer } from "../client/api-client.ts";
import { watchedUpdates } from "../client/watched-updates.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { ApiClients } from "../stack/stack-client.ts";
import { RETRY } from "./api-retry.ts";
import type { StreamRecord } from "./stream-record.ts";

export interface FollowOptions {
  readonly api: ApiClients;
  readonly url: string;
  readonly chatId: string;
  readonly clock: Clock;
  /** After each update that was taken. */
  readonly onUpdate: () => void;
  readonly signal: AbortSignal;
}

/**
 * Follows a chat into the record, over as many streams as it takes, each from the number where the last one ended, until
 * the signal aborts. Throws what the API says is not to be tried again.
 */
export async function followChat(record: StreamRecord, options: FollowOptions): Promise<void> {
  for (let tries = 0; !options.signal.aborted; tries++) {
    try {
      await oneStream(record, options, () => {
        tries = 0;
      });
    } catch (error) {
      if (options.signal.aborted) return;
      const ours = fromServer(error, "follow chat", options.url);
      if (!ours.row.retryable) throw ours;
    }
    await options.clock.sleep(backoffMs(tries, RETRY), options.signal).catch(() => undefined);
  }
}

/** One stream, until it breaks. */
async function oneStream(record: StreamRecord, options: FollowOptions, onLife: () => void): Promise<void> {
  const { api, chatId, clock, signal } = options;
  const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: record.lastSequence }] };
  record.connected();
  for await (const response of watchedUpdates(api.updates, request, clock, signal)) {
    onLife();
    record.take(response);
    options.onUpdate();
  }
}
