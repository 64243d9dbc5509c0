import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { bitString, der, integer, objectId, sequence, TAG, time } from "./der.ts";
import type { TlsMaterial } from "./tls-material.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** The longest that common clients take (Apple: 825 days). */
const VALID_MS = 825 * DAY_MS;
const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  subjectAltName: "2.5.29.17",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/**
 * A new P-256 key and a certificate for it, signed by itself (RFC 5280), for the DNS names and IP addresses given.
 * Node's crypto makes keys and signatures, and no certificates; the packages that do bring a container for injecting
 * dependencies, a polyfill, and 5 MB for the 40 lines below.
 */
export function selfSignedCertificate(names: readonly string[], nowMs: number): TlsMaterial {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const subject = sequence(der(TAG.set, sequence(objectId(OID.commonName), der(TAG.utf8, Buffer.from("reliant")))));
  const extensions = sequence(
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.extendedKeyUsage, sequence(objectId(OID.serverAuth))),
    extension(OID.subjectAltName, sequence(...names.map(generalName))),
  );
  const body = sequence(
    der(0xa0, integer(Uint8Array.of(2))),
    integer(randomBytes(16)),
    algorithm,
    subject,
    sequence(time(nowMs - DAY_MS), time(nowMs + VALID_MS)),
    subject,
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", body, { key: keys.privateKey, dsaEncoding: "der" });
  const certificate = new X509Certificate(Buffer.from(sequence(body, algorithm, bitString(signature))));
  return { cert: certificate.toString(), key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  const mark = critical ? [der(TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(objectId(id), ...mark, der(TAG.octetString, value));
}

function generalName(name: string): Uint8Array {
  return isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name));
}

/** Network order. An IPv6 address is written out by the URL parser, which knows its short forms. */
function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const front = head.split(":").filter((group) => group !== "");
  const back = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => "0");
  return Uint8Array.from(
    [...front, ...zeros, ...back].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
