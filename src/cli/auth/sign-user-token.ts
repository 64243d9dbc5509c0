import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { ReliantError } from "../../core/errors.ts";

/** What a user's token says, and the key that vouches for it. */
export interface UserTokenRequest {
  readonly privateKeyPem: string;
  readonly subject: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly issuedAtMs: number;
  readonly expiresInMs: number;
}

/** A JWT that servers with the matching `--jwt-public-key` accept. The algorithm follows the key: EdDSA, ES256 or RS256 (RFC 7518, RFC 8037). */
export async function signUserToken(request: UserTokenRequest): Promise<string> {
  const key = createPrivateKey(request.privateKeyPem);
  const issuedAt = Math.floor(request.issuedAtMs / 1000);
  const jwt = new SignJWT()
    .setProtectedHeader({ alg: algorithmOf(key), typ: "JWT" })
    .setSubject(request.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.floor(request.expiresInMs / 1000));
  if (request.issuer !== undefined) jwt.setIssuer(request.issuer);
  if (request.audience !== undefined) jwt.setAudience(request.audience);
  return jwt.sign(key);
}

function algorithmOf(key: KeyObject): string {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === "ed25519") return "EdDSA";
  if (key.asymmetricKeyType === "ec" && details?.namedCurve === "prime256v1") return "ES256";
  if (key.asymmetricKeyType === "rsa" && (details?.modulusLength ?? 0) >= 2048) return "RS256";
  throw new ReliantError(
    "invalid_argument",
    `sign token: a ${key.asymmetricKeyType} key of this kind cannot sign users' tokens`,
    {
      hint: "Make one with: openssl genpkey -algorithm ed25519 -out private.pem",
    },
  );
}
