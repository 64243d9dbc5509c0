/** Times of the application's heartbeat, milliseconds. */
export interface LivenessTimes {
  readonly heartbeatIdleMs: number;
  readonly heartbeatBusyMs: number;
  readonly deadIdleMs: number;
  readonly deadBusyMs: number;
}

/** What is known of a peer, by one monotonic clock. Busy: a call is open; undefined: none is. */
export interface LivenessView {
  readonly nowMs: number;
  readonly lastHeardMs: number;
  readonly lastSentMs: number;
  readonly busySinceMs: number | undefined;
}

export interface LivenessStep {
  readonly dead: boolean;
  readonly beat: boolean;
  /** Look again after this. */
  readonly nextMs: number;
}

/**
 * Whether the peer is dead and whether to send a heartbeat. A peer that was idle may have been silent for long: once a
 * call is open it gets the whole shorter time from then on.
 */
export function livenessStep(view: LivenessView, times: LivenessTimes): LivenessStep {
  const busy = view.busySinceMs !== undefined;
  const deadAtMs = busy
    ? Math.max(view.lastHeardMs, view.busySinceMs ?? 0) + times.deadBusyMs
    : view.lastHeardMs + times.deadIdleMs;
  const everyMs = busy ? times.heartbeatBusyMs : times.heartbeatIdleMs;
  const beat = view.nowMs - view.lastSentMs >= everyMs;
  const beatAtMs = beat ? view.nowMs + everyMs : view.lastSentMs + everyMs;
  return { dead: view.nowMs >= deadAtMs, beat, nextMs: Math.max(0, Math.min(deadAtMs, beatAtMs) - view.nowMs) };
}
