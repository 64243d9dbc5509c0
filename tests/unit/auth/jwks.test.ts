import { afterEach, expect, setSystemTime, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { JwtVerifier } from "../../../src/auth/jwt-verifier.ts";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const signal = new AbortController().signal;
let issuer: ReturnType<typeof Bun.serve> | undefined;
afterEach(async () => {
  setSystemTime();
  await issuer?.stop(true);
});

const unused = () => Promise.reject(new Error("not asked here"));
const users = {
  findOrCreate: async ({ issuer, subject }: { readonly issuer: string; readonly subject: string }) => ({
    id: `usr_${subject}`,
    issuer,
    subject,
    createdAtMs: 0,
  }),
  get: unused,
};

/** An issuer that publishes its keys, as `answer` says. */
async function issuerWith(answer: (keys: object) => Response, clock: Clock = systemClock) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" }] };
  issuer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer(keys) });
  const url = `http://127.0.0.1:${issuer.port}/jwks`;
  const verifier = await JwtVerifier.open({ kind: "jwks", url }, { store: { users }, clock });
  const sign = (kid: string) =>
    new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "ES256", kid }).setExpirationTime("1h").sign(privateKey);
  return { verifier, sign };
}

test("a token is checked with the issuer's published keys, which are fetched once", async () => {
  let fetched = 0;
  const { verifier, sign } = await issuerWith((keys) => {
    fetched++;
    return Response.json(keys);
  });
  const token = await sign("k1");
  expect(await verifier.verify(token, signal)).toMatchObject({ userId: "usr_alice", scope: "api" });
  await verifier.verify(token, signal);
  expect(fetched).toBe(1);
});

test("a key that the issuer does not publish is refused", async () => {
  const { verifier, sign } = await issuerWith((keys) => Response.json(keys));
  await expect(verifier.verify(await sign("k2"), signal)).rejects.toMatchObject({ code: "unauthenticated" });
});

test.each([
  ["", 1],
  [", though the wall clock is set back meanwhile", -1],
])("a token whose key is gone is refused when the trust in it has ended, not before%s", async (_, direction) => {
  const start = systemClock.stamp();
  let passedMs = 0;
  const stamp = () => ({
    wallMs: start.wallMs + direction * passedMs,
    monotonicMs: start.monotonicMs + passedMs,
  });
  // The published keys' age is by the system's time.
  const letPass = (ms: number) => {
    passedMs += ms;
    setSystemTime(start.wallMs + passedMs);
  };
  let gone = false;
  const answer = (keys: object) => Response.json(gone ? { keys: [] } : keys);
  const { verifier, sign } = await issuerWith(answer, { ...systemClock, stamp, now: () => stamp().wallMs });
  await verifier.verify(await sign("k1"), signal);
  letPass(LIMITS.jwksAgeMs - LIMITS.jwtTrustMs / 2);
  const token = await sign("k1");
  await verifier.verify(token, signal);
  gone = true;
  letPass(LIMITS.jwtTrustMs - 1);
  expect(await verifier.verify(token, signal)).toMatchObject({ userId: "usr_alice" });
  letPass(1);
  await expect(verifier.verify(token, signal)).rejects.toMatchObject({ code: "unauthenticated" });
});

test("while the keys cannot be read, nobody is called a liar", async () => {
  for (const answer of [
    () => new Response("busy", { status: 503 }),
    () => new Response("<html>"),
    () => Response.json({}),
  ]) {
    const { verifier, sign } = await issuerWith(answer);
    await expect(verifier.verify(await sign("k1"), signal)).rejects.toMatchObject({ code: "unavailable" });
    await issuer?.stop(true);
    await expect(verifier.verify(await sign("k1"), signal)).rejects.toMatchObject({ code: "unavailable" });
  }
});
