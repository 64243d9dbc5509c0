import { BOUNDS } from "./bounds.ts";

/**
 * Looks again and again until `look` gives something other than `undefined` or `false`, and gives that. Throws, naming
 * `what` and the last error of `look`, after `timeoutMs` (default 30 s) or when `giveUp` tells a reason.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly timeoutMs?: number; readonly giveUp?: () => string | undefined } = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? BOUNDS.readyMs;
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      lastError = error;
    }
    const reason = options.giveUp?.() ?? (performance.now() > deadlineMs ? `not within ${timeoutMs} ms` : undefined);
    if (reason !== undefined) {
      const last =
        lastError === undefined ? "" : ` (last: ${lastError instanceof Error ? lastError.message : lastError})`;
      throw new Error(`wait for ${what}: ${reason}${last}`, { cause: lastError });
    }
    await Bun.sleep(BOUNDS.pollMs);
  }
}
