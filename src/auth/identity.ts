/** Who asks. */
export interface Identity {
  readonly userId: string;
  /** `api`: everything of the user. `daemon`: connecting a daemon, nothing else. */
  readonly scope: "api" | "daemon";
  /** The personal access token that was shown, where it was one. */
  readonly tokenId?: string;
  /** Until then (Unix, ms) the verifier would say the same again; absent where that may change at any time. */
  readonly believedUntilMs?: number;
}

/** Tells who holds a bearer token. Throws `unauthenticated` with a reason that is safe to show, `unavailable` where it cannot be told now. */
export interface IdentityVerifier {
  verify(bearerToken: string, signal: AbortSignal): Promise<Identity>;
}
