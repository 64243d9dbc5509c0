import type { IdentityVerifier } from "../auth/identity.ts";
import { ReliantError } from "../core/errors.ts";
import { authenticate } from "../rpc/identity-gate.ts";

/**
 * Asks again whether a stream's token is in force. A check that cannot be made now (the database is away) ends nothing:
 * live streams stay.
 */
export function mayGoOn(
  verifier: IdentityVerifier,
  authorization: string | null,
  signal: AbortSignal,
): () => Promise<void> {
  return async () => {
    try {
      await authenticate(verifier, authorization, "api", signal);
    } catch (error) {
      if (error instanceof ReliantError && error.row.retryable) return;
      throw error;
    }
  };
}
