import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { FileContent } from "./row.ts";

/** What is wrong with a PEM text that should hold a key or a certificate; `undefined` where it does. Never repeats the text. */
export function pemFault(text: string, holds: Exclude<FileContent, "any">): string | undefined {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  if (label === undefined) return `it is not PEM: it must hold a line -----BEGIN ${blockOf(holds)}-----`;
  const isPrivate = label.includes("PRIVATE KEY");
  if (holds === "public key" && isPrivate)
    return "it holds a private key: give the public one, and keep the private one secret";
  if (holds === "private key" && label.startsWith("ENCRYPTED"))
    return "its private key is encrypted: give one without a passphrase";
  if (holds === "private key" && !isPrivate) return `it holds a ${label.toLowerCase()}, not a private key`;
  if (holds === "certificate" && label !== "CERTIFICATE") return `it holds a ${label.toLowerCase()}, not a certificate`;
  try {
    if (holds === "public key") createPublicKey(text);
    else if (holds === "private key") createPrivateKey(text);
    else new X509Certificate(text);
    return undefined;
  } catch {
    return `its ${holds} cannot be read: it is cut or damaged`;
  }
}

function blockOf(holds: Exclude<FileContent, "any">): string {
  return holds.toUpperCase();
}
