import { expect, test } from "bun:test";
import fc from "fast-check";
import { hashToken, isWellFormedToken, looksLikeToken, mintToken } from "../../../src/auth/personal-access-token.ts";

test("a minted token is well formed, and so is that of the smallest and the largest random number", () => {
  for (const fill of [0x00, 0xff]) {
    const { secret } = mintToken((bytes) => new Uint8Array(bytes).fill(fill));
    expect(secret).toMatch(/^rlnt_pat_[0-9A-Za-z]{33}$/);
    expect(isWellFormedToken(secret)).toBe(true);
  }
});

test("two tokens differ, and so do their hashes", () => {
  const [a, b] = [mintToken(), mintToken()];
  expect(a.secret).not.toBe(b.secret);
  expect(a.hash).not.toBe(b.hash);
});

test("the hash is that of the secret, and the prefix its beginning", () => {
  const token = mintToken();
  expect(hashToken(token.secret)).toBe(token.hash);
  expect(token.secret.startsWith(token.prefix)).toBe(true);
  expect(token.prefix.length).toBeLessThan(15);
});

test("one mistyped character is found without a database", () => {
  fc.assert(
    fc.property(fc.nat(32), fc.constantFrom(..."0aZ~"), (index, char) => {
      const { secret } = mintToken();
      const at = "rlnt_pat_".length + index;
      fc.pre(secret[at] !== char);
      expect(isWellFormedToken(secret.slice(0, at) + char + secret.slice(at + 1))).toBe(false);
    }),
  );
});

test("what is cut off is not well formed, and a JWT does not look like one of ours", () => {
  expect(isWellFormedToken(mintToken().secret.slice(0, -1))).toBe(false);
  expect(looksLikeToken("eyJhbGciOiJFZERTQSJ9.e30.sig")).toBe(false);
});
