import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { type ApiClients, clients } from "../stack/stack-client.ts";
import type { StartedRole } from "./bench-roles.ts";
import { textBlock } from "./chat-runs.ts";
import { type Spread, spreadOf } from "./figures.ts";
import type { BenchUser, Installation } from "./installation.ts";
import { type StampingProvider, sinceStampMs } from "./stamping-provider.ts";

const ANSWERS = 100;
const WARM_UP = 20;

export interface FirstBytes {
  readonly ours: Spread;
  /** From the provider to a client with nothing of ours between. */
  readonly bare: Spread;
}

/** From the provider's first byte, through worker, hub and API, until the client's stream has it: one answer at a time. */
export async function measureFirstBytes(
  { world }: Installation,
  api: StartedRole,
  user: BenchUser,
  provider: StampingProvider,
): Promise<FirstBytes> {
  const client = clients(api.url, user.jwt);
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let done = 0; done < WARM_UP + ANSWERS; done++) {
    const [oursMs, bareMs] = [await firstByteMs(client, world.signal), await provider.bareFirstByteMs()];
    if (done < WARM_UP) continue;
    ours.push(oursMs);
    bare.push(bareMs);
  }
  return { ours: spreadOf(ours), bare: spreadOf(bare) };
}

async function firstByteMs({ chats, updates }: ApiClients, ends: AbortSignal): Promise<number> {
  const chatId = newId("chat");
  await chats.createChat({ chatId, model: "compatible/bench" });
  const leave = new AbortController();
  const signal = AbortSignal.any([ends, leave.signal, AbortSignal.timeout(TRIAL_LIMITS.benchAnswerMs)]);
  const opened = Promise.withResolvers<void>();
  // As a screen does: what the user did before is no part of it.
  const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: 0n }] };
  const stream = updates.streamUserUpdates(request, { signal, onHeader: () => opened.resolve() });
  const heard = (async () => {
    for await (const { update } of stream) {
      const sinceMs = update.case === "delta" ? sinceStampMs(update.value.text) : undefined;
      if (sinceMs !== undefined) return sinceMs;
      if (update.case === "chat" && update.value.event.case === "message") {
        const { blocks } = update.value.event.value;
        // The whole message came before its first words did: then it is by this that they were seen.
        for (const { content } of blocks) {
          const since = content.case === "text" ? sinceStampMs(content.value.text) : undefined;
          if (since !== undefined) return since;
        }
      }
    }
    throw new ReliantError("internal", `time a first byte: the stream of ${chatId} ended without it`);
  })();
  heard.catch((error) => opened.reject(error));
  try {
    await opened.promise;
    await chats.sendMessage({ chatId, blocks: [textBlock("go")] });
    return await heard;
  } finally {
    leave.abort();
  }
}
