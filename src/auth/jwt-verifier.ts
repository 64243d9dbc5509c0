import { hash as hashOf } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRemoteJWKSet, errors, importSPKI, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { ageMs, type Clock, type Stamp } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Store } from "../store/store.ts";
import type { Identity, IdentityVerifier } from "./identity.ts";

/** Where an installation's users' keys are. Exactly one is set. */
export type JwtKeySource =
  | { readonly kind: "pem"; readonly pem: string }
  | { readonly kind: "file"; readonly path: string }
  /** Published keys (RFC 7517), fetched when a token needs one that is not known. */
  | { readonly kind: "jwks"; readonly url: string };

export interface JwtVerifierOptions {
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** Algorithms that are taken: none with a shared secret, and never `none`. */
const ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "ES384", "RS256", "PS256"];

/** Users' JWTs (RFC 7519), checked with the configured key. A user is made on first sight. */
export class JwtVerifier implements IdentityVerifier {
  /** User ids by issuer and subject: the newest ones, so that a request needs no query. */
  private readonly users = new Map<string, string>();
  /** By the SHA-256 of tokens whose signature was checked lately: each live stream shows its own every few seconds. */
  private readonly checked = new Map<string, CheckedToken>();

  private constructor(
    private readonly key: JWTVerifyGetKey,
    private readonly deps: { readonly store: Pick<Store, "users">; readonly clock: Clock },
    private readonly options: JwtVerifierOptions,
  ) {}

  /** Reads the key. Throws `failed_precondition` where it is not one; published keys are fetched later. */
  static async open(
    source: JwtKeySource,
    deps: { readonly store: Pick<Store, "users">; readonly clock: Clock },
    options: JwtVerifierOptions = {},
  ): Promise<JwtVerifier> {
    return new JwtVerifier(await keyOf(source), deps, options);
  }

  async verify(bearerToken: string, _signal: AbortSignal): Promise<Identity> {
    const { claims, at } = await this.check(bearerToken);
    const { issuer, subject, email } = claims;
    if (subject === undefined || subject === "") throw unauthenticated("the token names no user (sub)");
    const believedUntilMs = Math.min(at.wallMs + LIMITS.jwtTrustMs, endMs(claims));
    return { userId: await this.userIdOf(issuer, subject, email), scope: "api", believedUntilMs };
  }

  private async check(token: string): Promise<CheckedToken> {
    const { clock } = this.deps;
    const hash = hashOf("sha256", token, "base64");
    const known = this.checked.get(hash);
    if (known !== undefined && ageMs(clock, known.at) < LIMITS.jwtTrustMs && !hasExpired(known.claims, clock.now())) {
      return known;
    }
    this.checked.delete(hash);
    const at = clock.stamp();
    const checked = { claims: claimsOf(await this.checkSignature(token)), at };
    remember(this.checked, hash, checked);
    return checked;
  }

  private async checkSignature(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.options;
    try {
      const { payload } = await jwtVerify(token, this.key, {
        algorithms: ALGORITHMS,
        // A token that never ends could never be taken back.
        requiredClaims: ["exp"],
        clockTolerance: LIMITS.jwtClockToleranceMs / 1000,
        currentDate: new Date(this.deps.clock.now()),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return payload;
    } catch (error) {
      throw rejection(error);
    }
  }

  private async userIdOf(issuer: string, subject: string, email: string | undefined): Promise<string> {
    const key = `${issuer}\n${subject}`;
    const known = this.users.get(key);
    if (known !== undefined) return known;
    const user = await this.deps.store.users.findOrCreate({
      issuer,
      subject,
      ...(email === undefined ? {} : { email }),
    });
    remember(this.users, key, user.id);
    return user.id;
  }
}

/** What is kept of a token: it may hold much more. */
interface Claims {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly email: string | undefined;
  /** Seconds since the Unix epoch. */
  readonly expiresAt: number | undefined;
}

interface CheckedToken {
  readonly claims: Claims;
  /** Before its check began. */
  readonly at: Stamp;
}

function claimsOf({ iss, sub, exp, email }: JWTPayload): Claims {
  return { issuer: iss ?? "", subject: sub, email: typeof email === "string" ? email : undefined, expiresAt: exp };
}

/** Of `LIMITS.identitiesHeld` the oldest is forgotten. */
function remember<Value>(held: Map<string, Value>, key: string, value: Value): void {
  const [oldest] = held.keys();
  if (held.size >= LIMITS.identitiesHeld && oldest !== undefined) held.delete(oldest);
  held.set(key, value);
}

/** As jose sees it, which tells the reason when it is asked again. */
function hasExpired({ expiresAt }: Claims, nowMs: number): boolean {
  return expiresAt === undefined || expiresAt <= Math.floor(nowMs / 1000) - LIMITS.jwtClockToleranceMs / 1000;
}

/** When {@link hasExpired} begins to say so; it counts whole seconds. */
function endMs({ expiresAt }: Claims): number {
  return Math.ceil(expiresAt ?? 0) * 1000 + LIMITS.jwtClockToleranceMs;
}

async function keyOf(source: JwtKeySource): Promise<JWTVerifyGetKey> {
  switch (source.kind) {
    case "pem":
      return pemKey(source.pem, "the JWT public key");
    case "file":
      return pemKey(await readKeyFile(source.path), source.path);
    case "jwks":
      return createRemoteJWKSet(new URL(source.url), {
        timeoutDuration: LIMITS.jwksTimeoutMs,
        cacheMaxAge: LIMITS.jwksAgeMs,
        cooldownDuration: LIMITS.jwksPauseMs,
      });
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ReliantError("failed_precondition", `read JWT public key ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A PEM key does not say its algorithm: it is imported for the one that each token names, once. */
function pemKey(pem: string, what: string): JWTVerifyGetKey {
  const imported = new Map<string, ReturnType<typeof importSPKI>>();
  return async ({ alg }) => {
    if (alg === undefined || !ALGORITHMS.includes(alg)) throw new errors.JOSEAlgNotAllowed(`${alg} is not taken`);
    const known = imported.get(alg) ?? importSPKI(pem, alg);
    imported.set(alg, known);
    try {
      return await known;
    } catch (cause) {
      throw new errors.JOSEAlgNotAllowed(`${what} is not a key for ${alg}`, { cause });
    }
  };
}

/** What may be told to somebody whom we do not know. */
function rejection(error: unknown): ReliantError {
  if (error instanceof errors.JWTExpired) return unauthenticated("the token has expired: log in again", error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return unauthenticated(`the token has no ${error.claim}`, error);
    return unauthenticated(`the token's ${error.claim} is not the one that this installation takes`, error);
  }
  if (isAboutFetching(error)) {
    return new ReliantError("unavailable", "check token: the issuer's keys cannot be read now", { cause: error });
  }
  return unauthenticated("the token is not valid", error);
}

/** A network error, a time-out, or (with jose's general code) an answer that is no key set. */
function isAboutFetching(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === "ERR_JOSE_GENERIC"
  );
}

function unauthenticated(reason: string, cause?: unknown): ReliantError {
  return new ReliantError("unauthenticated", `check token: ${reason}`, { cause });
}
