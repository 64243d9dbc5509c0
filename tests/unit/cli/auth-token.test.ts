import { describe, expect, test } from "bun:test";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { tempFolder } from "../../support/temp-folder.ts";
import { callCli } from "./fake-terminal.ts";

const KEYS: readonly [string, () => KeyObject][] = [
  ["EdDSA", () => generateKeyPairSync("ed25519").privateKey],
  ["ES256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey],
  ["RS256", () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey],
];

async function withKey<T>(key: KeyObject, act: (file: string) => Promise<T>): Promise<T> {
  await using folder = await tempFolder();
  const file = join(folder.path, "private.pem");
  await Bun.write(file, key.export({ type: "pkcs8", format: "pem" }));
  return await act(file);
}

describe("reliant auth token", () => {
  test.each(KEYS)("signs by %s, as the key wants, and the public key verifies it", async (algorithm, makeKey) => {
    const key = makeKey();
    const { exitCode, out } = await withKey(key, (file) =>
      callCli([
        "auth",
        "token",
        "--private-key",
        file,
        "--subject=ada",
        "--expires=30m",
        "--issuer=us",
        "--audience=them",
      ]),
    );
    expect(exitCode).toBe(0);
    const { payload } = await jwtVerify(out.trim(), createPublicKey(key), {
      issuer: "us",
      audience: "them",
      subject: "ada",
    });
    expect(decodeProtectedHeader(out.trim()).alg).toBe(algorithm);
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(1800);
  });

  test("without issuer and audience names none, and lasts an hour", async () => {
    const key = generateKeyPairSync("ed25519").privateKey;
    const { out } = await withKey(key, (file) => callCli(["auth", "token", "--private-key", file, "--subject", "ada"]));
    const { payload } = await jwtVerify(out.trim(), createPublicKey(key));
    expect(payload).toEqual({ sub: "ada", iat: expect.any(Number), exp: (payload.iat ?? 0) + 3600 });
  });

  test("a key of a kind that servers do not take is refused, with what to do", async () => {
    const key = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
    const { exitCode, err } = await withKey(key, (file) =>
      callCli(["auth", "token", "--private-key", file, "--subject", "ada"]),
    );
    expect(exitCode).toBe(2);
    expect(err).toContain("openssl genpkey -algorithm ed25519");
  });

  test("a public key in place of the private one is a fault", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "public.pem");
    await Bun.write(file, generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }));
    const { exitCode, err } = await callCli(["auth", "token", "--private-key", file, "--subject", "ada"]);
    expect({ exitCode, err }).toEqual({
      exitCode: 2,
      err: expect.stringContaining("it holds a public key, not a private key"),
    });
  });
});
