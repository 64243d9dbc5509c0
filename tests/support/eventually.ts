import { pollUntil } from "../../src/stack/poll-until.ts";

/**
 * Looks again and again until `look` gives something other than `undefined` or `false`, and gives that. Throws, naming
 * `what` and the last error of `look`, after `timeoutMs` (default 30 s) or when `giveUp` tells a reason.
 */
export function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly timeoutMs?: number; readonly giveUp?: () => string | undefined } = {},
): Promise<T> {
  return pollUntil(what, look, options);
}
