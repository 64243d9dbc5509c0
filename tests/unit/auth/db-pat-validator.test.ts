import { describe, expect, test } from "bun:test";
import { DBPATValidator } from "../../../src/auth/db-pat-validator.ts";
import { hashToken, mintToken } from "../../../src/auth/personal-access-token.ts";
import { TokenIdentity } from "../../../src/auth/token-identity.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Token, Tokens } from "../../../src/store/tokens.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const signal = new AbortController().signal;

/** The one question that is asked of the store, and how often. */
function fakeTokens() {
  const byHash = new Map<string, Token>();
  const state: { asked: number; away: boolean; signal?: AbortSignal | undefined } = { asked: 0, away: false };
  const tokens: Pick<Tokens, "findByHash"> = {
    findByHash: async (hash, signal) => {
      state.asked++;
      state.signal = signal;
      if (state.away) throw new ReliantError("unavailable", "the database is away");
      return byHash.get(hash);
    },
  };
  return { tokens, byHash, state };
}

function world() {
  const clock = new ManualClock();
  const fake = fakeTokens();
  const unused = () => Promise.reject(new Error("not asked here"));
  const tokens: Tokens = { create: unused, list: unused, revoke: unused, invalidAmong: unused, ...fake.tokens };
  const verifier = new DBPATValidator({ store: { tokens }, clock });
  const issue = (fields: Partial<Token> = {}) => {
    const { secret, prefix } = mintToken();
    const token: Token = {
      id: "tok_1",
      userId: "usr_1",
      name: "n",
      scope: "daemon",
      prefix,
      createdAtMs: 0,
      ...fields,
    };
    fake.byHash.set(hashToken(secret), token);
    return { secret, change: (more: Partial<Token>) => fake.byHash.set(hashToken(secret), { ...token, ...more }) };
  };
  return { clock, verifier, issue, state: fake.state };
}

describe("a personal access token", () => {
  test("names its user and what it opens", async () => {
    const { verifier, issue } = world();
    const { secret } = issue();
    expect(await verifier.verify(secret, signal)).toEqual({ userId: "usr_1", scope: "daemon", tokenId: "tok_1" });
  });

  test("is believed for a short while, and not longer", async () => {
    const { verifier, issue, clock, state } = world();
    const token = issue();
    await verifier.verify(token.secret, signal);
    await verifier.verify(token.secret, signal);
    expect(state.asked).toBe(1);
    token.change({ revokedAtMs: clock.now() });
    await clock.advance(LIMITS.tokenCheckMs);
    await expect(verifier.verify(token.secret, signal)).rejects.toThrow("the token was revoked");
  });

  test("ends when its time is over, though it is remembered", async () => {
    const { verifier, issue, clock } = world();
    const { secret } = issue({ expiresAtMs: clock.now() + 500 });
    await verifier.verify(secret, signal);
    await clock.advance(500);
    await expect(verifier.verify(secret, signal)).rejects.toThrow("the token has expired");
  });

  test("with a typing error costs no query", async () => {
    const { verifier, issue, state } = world();
    const { secret } = issue();
    const mistyped = `${secret.slice(0, -1)}${secret.endsWith("0") ? "1" : "0"}`;
    await expect(verifier.verify(mistyped, signal)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(state.asked).toBe(0);
  });

  test("that nobody issued is refused, and no error repeats it", async () => {
    const { verifier } = world();
    const { secret } = mintToken();
    const error: unknown = await verifier.verify(secret, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unauthenticated" });
    expect(JSON.stringify(error) + String(error)).not.toContain(secret);
  });

  test("is not looked up for somebody who has left", async () => {
    const { verifier, issue, state } = world();
    await verifier.verify(issue().secret, signal);
    expect(state.signal).toBe(signal);
  });

  test("cannot be told good or bad while the database is away", async () => {
    const { verifier, issue, state } = world();
    const { secret } = issue();
    state.away = true;
    await expect(verifier.verify(secret, signal)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("tokens are told apart by their form:", () => {
  const verifier = (userId: string) => ({ verify: async () => ({ userId, scope: "api" as const }) });

  test("ours go to the database, others are users' JWTs", async () => {
    const both = new TokenIdentity({ pats: verifier("by PAT"), jwts: verifier("by JWT") });
    expect((await both.verify(mintToken().secret, signal)).userId).toBe("by PAT");
    expect((await both.verify("aaaa.bbbb.cccc", signal)).userId).toBe("by JWT");
  });

  test("without a key for JWTs the error says so", async () => {
    const pats = new TokenIdentity({ pats: verifier("x"), jwts: undefined });
    await expect(pats.verify("aaaa.bbbb.cccc", signal)).rejects.toThrow("no key for users' tokens is configured");
  });
});
