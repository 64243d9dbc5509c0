import { createHash, randomBytes } from "node:crypto";

/** `rlnt_pat_`, 27 characters for 160 random bits, 6 for the checksum: found by secret scanners, told from a typing error without a database. */
const PREFIX = "rlnt_pat_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_BYTES = 20;
const BODY_LENGTH = 27;
const CHECKSUM_LENGTH = 6;
/** Characters that are stored in the clear, to tell tokens apart: 3 of the 27. */
const SHOWN_LENGTH = PREFIX.length + 3;

export interface MintedToken {
  /** Shown once, stored nowhere. */
  readonly secret: string;
  /** SHA-256 of the secret, hex: what is stored. The secret has 160 bits, so that no slow hash is needed. */
  readonly hash: string;
  readonly prefix: string;
}

export function mintToken(random: (bytes: number) => Uint8Array = randomBytes): MintedToken {
  const body = base62(BigInt(`0x${Buffer.from(random(RANDOM_BYTES)).toString("hex")}`), BODY_LENGTH);
  const secret = `${PREFIX}${body}${checksum(body)}`;
  return { secret, hash: hashToken(secret), prefix: secret.slice(0, SHOWN_LENGTH) };
}

export function hashToken(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** True where the text is meant as one of our tokens. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** True where length, alphabet and checksum are right; false for a token with a typing error. */
export function isWellFormedToken(text: string): boolean {
  if (!looksLikeToken(text) || text.length !== PREFIX.length + BODY_LENGTH + CHECKSUM_LENGTH) return false;
  const body = text.slice(PREFIX.length, PREFIX.length + BODY_LENGTH);
  return [...body].every((char) => ALPHABET.includes(char)) && text.endsWith(checksum(body));
}

/** The first 32 bits of the body's SHA-256. */
function checksum(body: string): string {
  return base62(BigInt(createHash("sha256").update(body).digest().readUInt32BE(0)), CHECKSUM_LENGTH);
}

function base62(value: bigint, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest /= 62n) text = `${ALPHABET[Number(rest % 62n)]}${text}`;
  return text;
}
