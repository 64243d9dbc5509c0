import { create } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import { mintToken } from "../auth/personal-access-token.ts";
import type { Clock } from "../core/clock.ts";
import { newId } from "../core/ids.ts";
import * as pb from "../gen/reliant/v1/token_pb.ts";
import type { Store } from "../store/store.ts";
import { tokenMessage } from "./wire-mapping.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Personal access tokens of the caller. */
export class TokenApi {
  constructor(private readonly deps: { readonly store: Pick<Store, "tokens">; readonly clock: Clock }) {}

  async createToken(identity: Identity, request: pb.CreateTokenRequest): Promise<pb.CreateTokenResponse> {
    const minted = mintToken();
    const token = await this.deps.store.tokens.create({
      id: newId("tok"),
      userId: identity.userId,
      name: request.name,
      scope: request.scope === pb.TokenScope.API ? "api" : "daemon",
      prefix: minted.prefix,
      hash: minted.hash,
      ...(request.expiresInDays === 0 ? {} : { expiresAtMs: this.deps.clock.now() + request.expiresInDays * DAY_MS }),
    });
    return create(pb.CreateTokenResponseSchema, { token: tokenMessage(token), secret: minted.secret });
  }

  async listTokens(identity: Identity, _request: pb.ListTokensRequest): Promise<pb.ListTokensResponse> {
    const tokens = await this.deps.store.tokens.list(identity.userId);
    return create(pb.ListTokensResponseSchema, { tokens: tokens.map(tokenMessage) });
  }

  async revokeToken(identity: Identity, request: pb.RevokeTokenRequest): Promise<pb.RevokeTokenResponse> {
    const token = await this.deps.store.tokens.revoke(identity.userId, request.tokenId);
    return create(pb.RevokeTokenResponseSchema, { token: tokenMessage(token) });
  }
}
