import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Store } from "../store/store.ts";
import type { Token } from "../store/tokens.ts";
import type { Identity, IdentityVerifier } from "./identity.ts";
import { hashToken, isWellFormedToken } from "./personal-access-token.ts";

interface Remembered {
  readonly token: Token;
  readonly untilMs: number;
}

/** Personal access tokens, by the database. What it said is believed for `LIMITS.tokenCheckMs`, no longer. */
export class DBPATValidator implements IdentityVerifier {
  private readonly remembered = new Map<string, Remembered>();

  constructor(private readonly deps: { readonly store: Pick<Store, "tokens">; readonly clock: Clock }) {}

  async verify(bearerToken: string, signal: AbortSignal): Promise<Identity> {
    if (!isWellFormedToken(bearerToken)) throw rejected("the token is cut off or mistyped");
    const token = await this.find(hashToken(bearerToken), signal);
    if (token === undefined) throw rejected("the token is not known here");
    if (token.revokedAtMs !== undefined) throw rejected("the token was revoked");
    if (token.expiresAtMs !== undefined && token.expiresAtMs <= this.deps.clock.now()) {
      throw rejected("the token has expired");
    }
    return { userId: token.userId, scope: token.scope, tokenId: token.id };
  }

  private async find(hash: string, signal: AbortSignal): Promise<Token | undefined> {
    const { clock, store } = this.deps;
    const known = this.remembered.get(hash);
    if (known !== undefined && known.untilMs > clock.now()) return known.token;
    this.remembered.delete(hash);
    const token = await store.tokens.findByHash(hash, signal);
    if (token === undefined) return undefined;
    const [oldest] = this.remembered.keys();
    if (this.remembered.size >= LIMITS.identitiesHeld && oldest !== undefined) this.remembered.delete(oldest);
    this.remembered.set(hash, { token, untilMs: clock.now() + LIMITS.tokenCheckMs });
    return token;
  }
}

function rejected(reason: string): ReliantError {
  return new ReliantError("unauthenticated", `check token: ${reason}`, {
    hint: "make a new one: reliant daemon register, or CreateToken in the API",
  });
}
