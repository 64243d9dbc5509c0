/** What is told to people about how long a group of tests takes, minutes. */
export interface PromisedTime {
  readonly minutes: number;
  /** Beyond it the promise is broken, and not only by a machine that is slow. */
  readonly failMinutes: number;
}

/** How a group's time stands to what was promised. */
export interface TimeVerdict {
  /** For the run's last lines; undefined where the promise was kept. */
  readonly told?: string;
  readonly failed: boolean;
}

export function judgeTime(group: string, promised: PromisedTime | undefined, tookMs: number): TimeVerdict {
  const minutes = tookMs / 60_000;
  if (promised === undefined || minutes <= promised.minutes) return { failed: false };
  const failed = minutes > promised.failMinutes;
  const told = `${group} took ${minutes.toFixed(1)} min and is to take under ${promised.minutes}: make a test quicker`;
  const end = failed
    ? `over ${promised.failMinutes} counts as a failure of the run`
    : `over ${promised.failMinutes} will fail`;
  return { told: `TOO SLOW: ${told}; ${end}`, failed };
}
