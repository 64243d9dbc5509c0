import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type {
  StreamingService,
  StreamUserUpdatesRequestSchema,
  StreamUserUpdatesResponse,
} from "../gen/reliant/v1/update_pb.ts";

/**
 * One update stream. A server says every `LIMITS.keepAliveMs` that it is alive: of one that is silent for longer than
 * `LIMITS.streamSilenceMs` (frozen, or behind a network that swallows) the stream ends as `unavailable`. The time that the
 * reader takes for an update does not count.
 */
export async function* watchedUpdates(
  updates: Client<typeof StreamingService>,
  request: MessageInitShape<typeof StreamUserUpdatesRequestSchema>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<StreamUserUpdatesResponse, void, undefined> {
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const stream = updates.streamUserUpdates(request, { signal: ends })[Symbol.asyncIterator]();
  let silence: ConnectError | undefined;
  try {
    for (;;) {
      const unwatch = clock.after(LIMITS.streamSilenceMs, () => {
        silence = new ConnectError(`silent for ${LIMITS.streamSilenceMs / 1000} s`, Code.Unavailable);
        over.abort(silence);
      });
      const next = await stream.next().finally(unwatch);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw silence ?? error;
  } finally {
    over.abort();
  }
}
