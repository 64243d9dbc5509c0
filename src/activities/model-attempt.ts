import type { Usage } from "../chat/message.ts";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import {
  type FinishReason,
  ModelError,
  type ModelEvent,
  type ModelProvider,
  type ModelRequest,
} from "../models/model-provider.ts";
import type { AnswerWatch, Verdict } from "./answer-watch.ts";
import type { DeltaPublisher } from "./delta-publisher.ts";
import type { LiveAnswer } from "./live-answer.ts";

/** How one attempt at an answer ended. */
export type AttemptEnd =
  | { readonly kind: "finished"; readonly reason: FinishReason; readonly usage: Usage }
  /** `usage`: as far as the provider had told it. */
  | { readonly kind: Verdict; readonly usage?: Usage }
  | { readonly kind: "broke"; readonly error: unknown; readonly usage?: Usage };

export interface Attempt {
  /** Finds the model; may throw. */
  resolve(): { readonly provider: ModelProvider; readonly model: string };
  readonly request: Omit<ModelRequest, "model">;
  readonly live: LiveAnswer;
  readonly publisher: DeltaPublisher;
  readonly watch: AnswerWatch;
  readonly clock: Clock;
}

/** Asks the model once and streams its answer. Rejects only where the store refuses for good. */
export async function runAttempt(attempt: Attempt): Promise<AttemptEnd> {
  const done = new AbortController();
  const asking = new AbortController();
  const watching = attempt.watch.until(done.signal).finally(() => asking.abort());
  // Whatever it says is heard below; a rejection must not be seen as nobody's before that.
  watching.catch(() => undefined);
  const counted = () => (attempt.live.usage === undefined ? {} : { usage: attempt.live.usage });
  const read = await readAnswer(attempt, asking.signal).catch((error: unknown) => {
    return { kind: "broke" as const, error, ...counted() };
  });
  done.abort();
  asking.abort();
  attempt.publisher.close();
  const verdict = await watching;
  // An answer that is whole counts, whatever came at the same time; the store refuses it where the fence is lost.
  if (read.kind === "finished" || verdict === undefined) {
    attempt.publisher.flush();
    return read;
  }
  return { kind: verdict, ...counted() };
}

async function readAnswer(attempt: Attempt, signal: AbortSignal): Promise<Extract<AttemptEnd, { kind: "finished" }>> {
  const { live, publisher, clock } = attempt;
  const { provider, model } = attempt.resolve();
  const call = new AbortController();
  const events = provider
    .stream({ ...attempt.request, model }, AbortSignal.any([signal, call.signal]))
    [Symbol.asyncIterator]();
  const endsAtMs = clock.now() + LIMITS.modelCallMs;
  try {
    for (;;) {
      const event = await nextEvent(events, clock, endsAtMs, signal);
      if (event.kind === "finish") return { kind: "finished", reason: event.reason, usage: event.usage };
      if (event.kind === "usage") {
        live.count(event.usage);
        continue;
      }
      live.apply(event);
      publisher.changed();
    }
  } finally {
    call.abort();
    // A provider that hangs may never come back from this: it has been told to stop, and nobody waits.
    void Promise.resolve(events.return?.()).catch(() => undefined);
  }
}

/** The next event, within the time that the call has. What counts as silence its provider knows: keep-alives are no events. */
function nextEvent(
  events: AsyncIterator<ModelEvent>,
  clock: Clock,
  endsAtMs: number,
  signal: AbortSignal,
): Promise<ModelEvent> {
  return new Promise((resolve, reject) => {
    const disarm = clock.after(Math.max(0, endsAtMs - clock.now()), () => settle(() => reject(tooLong())));
    const onAbort = () => settle(() => reject(signal.reason));
    const settle = (end: () => void) => {
      disarm();
      signal.removeEventListener("abort", onAbort);
      end();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    events.next().then(
      (next) =>
        settle(() =>
          next.done === true
            ? reject(new ModelError("the model's answer broke off", { retryable: true }))
            : resolve(next.value),
        ),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

function tooLong(): ModelError {
  const what = `the model did not finish its answer within ${LIMITS.modelCallMs / 1000} s`;
  return new ModelError(`${what}: ask for less at once, or take a faster model`, {
    retryable: false,
    code: "deadline_exceeded",
  });
}
