import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import type { StepContext } from "./step-context.ts";

/**
 * Waits until the call's run is to be cancelled, as the store says (true), or until `done` aborts (false). The engine's
 * signal only makes it look: one that comes late, for a run that has ended, cancels nothing. A step hears one signal, so
 * that from then on the store is asked again and again.
 */
export async function cancelOf(
  deps: Pick<ActivityDeps, "store" | "clock">,
  toolCallId: string,
  context: StepContext,
  done: AbortSignal,
): Promise<boolean> {
  if (!context.cancelled.aborted) await aborted(AbortSignal.any([context.cancelled, done]));
  while (!done.aborted) {
    try {
      if (await deps.store.toolCalls.cancelRequested(toolCallId)) return true;
    } catch (error) {
      if (!(error instanceof ReliantError && error.row.retryable)) throw error;
    }
    await deps.clock.sleep(LIMITS.ledgerPollMs, done).catch(() => undefined);
  }
  return false;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
