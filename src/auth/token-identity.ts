import { ReliantError } from "../core/errors.ts";
import type { Identity, IdentityVerifier } from "./identity.ts";
import { looksLikeToken } from "./personal-access-token.ts";

/** Tells a personal access token from a JWT by its form and has the right one of both checked. */
export class TokenIdentity implements IdentityVerifier {
  constructor(
    private readonly verifiers: {
      readonly pats: IdentityVerifier;
      /** Undefined where no key for users' tokens is configured. */
      readonly jwts: IdentityVerifier | undefined;
    },
  ) {}

  async verify(bearerToken: string, signal: AbortSignal): Promise<Identity> {
    const { pats, jwts } = this.verifiers;
    if (looksLikeToken(bearerToken)) return pats.verify(bearerToken, signal);
    if (jwts !== undefined) return jwts.verify(bearerToken, signal);
    throw new ReliantError(
      "unauthenticated",
      "check token: this server takes personal access tokens only: no key for users' tokens is configured",
    );
  }
}
