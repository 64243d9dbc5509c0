/** What a command gets from main.ts besides its settings. */
export interface CommandContext {
  /** Aborts with the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** A line for the person at the terminal, on standard error. */
  warn(text: string): void;
}
