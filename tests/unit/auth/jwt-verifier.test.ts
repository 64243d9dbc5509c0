import { describe, expect, test } from "bun:test";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { JwtVerifier, type JwtVerifierOptions } from "../../../src/auth/jwt-verifier.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Accounts } from "../../../src/store/users.ts";

const signal = new AbortController().signal;

/** Accounts that count how often they were asked. */
function fakeAccounts() {
  const asked: string[] = [];
  const users: Accounts = {
    findOrCreate: async ({ issuer, subject }) => {
      asked.push(`${issuer}/${subject}`);
      return { id: `usr_${subject}`, issuer, subject, createdAtMs: 0 };
    },
    get: async (id) => ({ id, issuer: "", subject: "", createdAtMs: 0 }),
  };
  return { users, asked };
}

async function installation(alg: string, options: JwtVerifierOptions = {}) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const accounts = fakeAccounts();
  const deps = { store: { users: accounts.users }, clock: systemClock };
  const verifier = await JwtVerifier.open({ kind: "pem", pem: await exportSPKI(publicKey) }, deps, options);
  const sign = (claims: Record<string, unknown> = {}, expires = "1h") =>
    new SignJWT({ iss: "issuer", sub: "alice", ...claims })
      .setProtectedHeader({ alg })
      .setExpirationTime(expires)
      .sign(privateKey);
  return { verifier, sign, asked: accounts.asked };
}

describe("a user's token", () => {
  for (const alg of ["EdDSA", "ES256", "RS256"]) {
    test(`signed with ${alg} names its user`, async () => {
      const { verifier, sign } = await installation(alg);
      expect(await verifier.verify(await sign(), signal)).toMatchObject({ userId: "usr_alice", scope: "api" });
    });
  }

  test("costs one query for a user, not one a request", async () => {
    const { verifier, sign, asked } = await installation("EdDSA");
    await verifier.verify(await sign(), signal);
    await verifier.verify(await sign(), signal);
    expect(asked).toEqual(["issuer/alice"]);
  });

  test("that has expired is refused and says so", async () => {
    const { verifier, sign } = await installation("EdDSA");
    await expect(verifier.verify(await sign({}, "-5m"), signal)).rejects.toThrow("the token has expired");
  });

  test("is believed until its signature is checked again, or it has expired", async () => {
    let atMs = 1_700_000_000_500;
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const clock = { ...systemClock, now: () => atMs, stamp: () => ({ wallMs: atMs, monotonicMs: atMs }) };
    const deps = { store: { users: fakeAccounts().users }, clock };
    const verifier = await JwtVerifier.open({ kind: "pem", pem: await exportSPKI(publicKey) }, deps);
    const endsAtS = 1_700_000_100;
    const token = await new SignJWT({ sub: "alice", exp: endsAtS })
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(privateKey);
    const believedUntilMs = async () => (await verifier.verify(token, signal)).believedUntilMs;
    const checkedAtMs = atMs;
    expect(await believedUntilMs()).toBe(checkedAtMs + LIMITS.jwtTrustMs);
    atMs += 20_000;
    expect(await believedUntilMs()).toBe(checkedAtMs + LIMITS.jwtTrustMs);
    atMs = endsAtS * 1000;
    const endMs = endsAtS * 1000 + LIMITS.jwtClockToleranceMs;
    expect(await believedUntilMs()).toBe(endMs);
    atMs = endMs - 1;
    expect(await believedUntilMs()).toBe(endMs);
    atMs = endMs;
    await expect(verifier.verify(token, signal)).rejects.toThrow("the token has expired");
  });

  test("that was right a moment ago is refused once it has expired", async () => {
    let aheadMs = 0;
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const deps = { store: { users: fakeAccounts().users }, clock };
    const verifier = await JwtVerifier.open({ kind: "pem", pem: await exportSPKI(publicKey) }, deps);
    const token = await new SignJWT({ sub: "alice" })
      .setProtectedHeader({ alg: "EdDSA" })
      .setExpirationTime("10s")
      .sign(privateKey);
    for (const ms of [0, 20_000, 39_000]) {
      aheadMs = ms;
      expect(await verifier.verify(token, signal)).toMatchObject({ userId: "usr_alice" });
    }
    aheadMs = 41_000;
    await expect(verifier.verify(token, signal)).rejects.toThrow("the token has expired");
  });

  test("is kept nowhere whole, however long it is", async () => {
    const { verifier, sign } = await installation("EdDSA");
    const token = await sign({ groups: "of-many-people".repeat(100) });
    await verifier.verify(token, signal);
    const held = Bun.inspect(verifier, { depth: 20 });
    expect(held).toContain("alice");
    expect(held).not.toContain(token);
    expect(held).not.toContain("of-many-people");
  });

  test("that differs from one which was right a moment ago is checked for itself", async () => {
    const { verifier, sign } = await installation("EdDSA");
    const token = await sign();
    await verifier.verify(token, signal);
    const [header, , signature] = token.split(".");
    const claims = Buffer.from(JSON.stringify({ sub: "eve", exp: 9_999_999_999 })).toString("base64url");
    await expect(verifier.verify(`${header}.${claims}.${signature}`, signal)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });

  test("that never expires is refused and says so", async () => {
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const deps = { store: { users: fakeAccounts().users }, clock: systemClock };
    const verifier = await JwtVerifier.open({ kind: "pem", pem: await exportSPKI(publicKey) }, deps);
    const endless = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
    await expect(verifier.verify(endless, signal)).rejects.toThrow("the token has no exp");
  });

  test("of another key is refused", async () => {
    const { verifier } = await installation("EdDSA");
    const other = await installation("EdDSA");
    await expect(verifier.verify(await other.sign(), signal)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("of another issuer or audience is refused where one is set", async () => {
    const { verifier, sign } = await installation("EdDSA", { issuer: "issuer", audience: "reliant" });
    await expect(verifier.verify(await sign({ aud: "reliant" }), signal)).resolves.toMatchObject({ scope: "api" });
    await expect(verifier.verify(await sign({ aud: "else" }), signal)).rejects.toThrow("aud");
    await expect(verifier.verify(await sign({ aud: "reliant", iss: "else" }), signal)).rejects.toThrow("iss");
  });

  test("without a user is refused", async () => {
    const { verifier, sign } = await installation("EdDSA");
    await expect(verifier.verify(await sign({ sub: undefined }), signal)).rejects.toThrow("names no user");
  });

  test("signed with the public key as a shared secret is refused", async () => {
    const { publicKey } = await generateKeyPair("RS256", { extractable: true });
    const pem = await exportSPKI(publicKey);
    const deps = { store: { users: fakeAccounts().users }, clock: systemClock };
    const verifier = await JwtVerifier.open({ kind: "pem", pem }, deps);
    const forged = await new SignJWT({ sub: "alice" })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(pem));
    await expect(verifier.verify(forged, signal)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("that is no token at all is refused", async () => {
    const { verifier } = await installation("EdDSA");
    await expect(verifier.verify("no.token", signal)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

test("published keys that cannot be fetched are no reason to call the token wrong", async () => {
  const { sign } = await installation("EdDSA");
  const deps = { store: { users: fakeAccounts().users }, clock: systemClock };
  const verifier = await JwtVerifier.open({ kind: "jwks", url: "http://127.0.0.1:1/keys" }, deps);
  await expect(verifier.verify(await sign(), signal)).rejects.toMatchObject({ code: "unavailable" });
});
