import type { IdentityVerifier } from "../auth/identity.ts";
import { ReliantError } from "../core/errors.ts";
import { authenticate } from "../rpc/identity-gate.ts";

/**
 * Asks again whether a stream's token is in force, and tells until when that is believed. A check that cannot be made now
 * (the database is away) ends nothing: live streams stay.
 */
export function mayGoOn(
  verifier: IdentityVerifier,
  authorization: string | null,
  signal: AbortSignal,
): () => Promise<number | undefined> {
  return async () => {
    try {
      const { believedUntilMs } = await authenticate(verifier, authorization, "api", signal);
      return believedUntilMs;
    } catch (error) {
      if (error instanceof ReliantError && error.row.retryable) return undefined;
      throw error;
    }
  };
}
