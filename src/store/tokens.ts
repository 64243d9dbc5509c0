export type TokenScope = "daemon" | "api";

/** A personal access token, without its text: only the hash is stored. */
export interface Token {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly scope: TokenScope;
  /** First characters of the text, to tell tokens apart. */
  readonly prefix: string;
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly revokedAtMs?: number;
}

export interface Tokens {
  create(token: {
    readonly id: string;
    readonly userId: string;
    readonly name: string;
    readonly scope: TokenScope;
    readonly prefix: string;
    /** SHA-256 of the text, hex. */
    readonly hash: string;
    readonly expiresAtMs?: number;
  }): Promise<Token>;
  list(userId: string): Promise<readonly Token[]>;
  /** Revoking again changes nothing. Throws `not_found`. */
  revoke(userId: string, tokenId: string): Promise<Token>;
  /** Not looked up, `cancelled`, where the signal aborts while it waits for its turn. */
  findByHash(hash: string, signal?: AbortSignal): Promise<Token | undefined>;
  /** Those of the ids that are revoked, expired at `nowMs`, or unknown: one query. */
  invalidAmong(tokenIds: readonly string[], nowMs: number): Promise<ReadonlySet<string>>;
}
