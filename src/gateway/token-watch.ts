import type { Clock } from "../core/clock.ts";
import type { Tokens } from "../store/tokens.ts";

/** A live connection that was let in by a token; without one it is not watched. */
export interface TokenHolder {
  readonly tokenId: string | undefined;
  revoke(): void;
}

/**
 * Ends the connections whose token is revoked, expired or unknown by now: one query for all of them. Throws what the
 * store throws: while it is away nobody is ended.
 */
export async function endRevoked(
  tokens: Pick<Tokens, "invalidAmong">,
  holders: Iterable<TokenHolder>,
  clock: Clock,
): Promise<number> {
  const byToken = new Map<string, TokenHolder[]>();
  for (const holder of holders) {
    if (holder.tokenId === undefined) continue;
    const others = byToken.get(holder.tokenId);
    if (others === undefined) byToken.set(holder.tokenId, [holder]);
    else others.push(holder);
  }
  if (byToken.size === 0) return 0;
  let ended = 0;
  for (const tokenId of await tokens.invalidAmong([...byToken.keys()], clock.now())) {
    for (const holder of byToken.get(tokenId) ?? []) {
      holder.revoke();
      ended += 1;
    }
  }
  return ended;
}
