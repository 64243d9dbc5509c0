import { X509Certificate } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { logger } from "../core/logger.ts";
import { selfSignedCertificate } from "./self-signed-certificate.ts";
import type { TlsMaterial } from "./tls-material.ts";

/** What the settings say of TLS. */
export interface TlsSettings {
  readonly disableTls: boolean;
  /** Paths of PEM files; both or neither. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly dataDir: string;
}

const RENEW_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Certificate and key of our ports; `undefined` where TLS is disabled. Without files in the settings a self-signed one
 * is made in `<data-dir>/certs`, once for all processes that share the folder, with a warning and its fingerprint.
 */
export async function openTls(settings: TlsSettings, clock: Clock): Promise<TlsMaterial | undefined> {
  if (settings.disableTls) return undefined;
  const { tlsCert, tlsKey } = settings;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { cert: await readPem(tlsCert), key: await readPem(tlsKey) };
  }
  if (tlsCert !== undefined || tlsKey !== undefined) {
    throw new ReliantError("usage", "a certificate without its key, or a key without its certificate", {
      hint: "Give both --tls-cert and --tls-key, or neither",
    });
  }
  const folder = join(settings.dataDir, "certs");
  const material = (await findKept(folder, clock)) ?? (await make(folder, clock));
  const certificate = new X509Certificate(material.cert);
  logger("rpc").warn("the certificate is self-signed: clients must be told to trust it, by its file or fingerprint", {
    file: join(folder, CERT_FILE),
    sha256: certificate.fingerprint256,
    validTo: certificate.validTo,
  });
  return material;
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ReliantError("invalid_argument", `read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Key and certificate in one file, so that they always belong together; the certificate again, for clients. */
const KEPT_FILE = "self-signed.pem";
const CERT_FILE = "self-signed.crt";

async function findKept(folder: string, clock: Clock): Promise<TlsMaterial | undefined> {
  const text = await readFile(join(folder, KEPT_FILE), "utf8").catch(() => undefined);
  const cert = text === undefined ? undefined : block(text, "CERTIFICATE");
  const key = text === undefined ? undefined : block(text, "PRIVATE KEY");
  if (cert === undefined || key === undefined) return undefined;
  const endsMs = Date.parse(new X509Certificate(cert).validTo);
  return endsMs - clock.now() > RENEW_MS ? { cert, key } : undefined;
}

async function make(folder: string, clock: Clock): Promise<TlsMaterial> {
  const made = selfSignedCertificate([...new Set(["localhost", hostname(), "127.0.0.1", "::1"])], clock.now());
  const path = join(folder, KEPT_FILE);
  const partial = join(folder, `${KEPT_FILE}.${newId("ins")}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(partial, `${made.key}${made.cert}`, { mode: 0o600, flag: "wx" });
    const mine = await claim(partial, path, folder, clock);
    if (mine) await writeFile(join(folder, CERT_FILE), made.cert);
    return mine ? made : ((await findKept(folder, clock)) ?? made);
  } catch (error) {
    throw new ReliantError("failed_precondition", `make a certificate in ${folder}: ${messageOf(error)}`, {
      cause: error,
      hint: "Give --tls-cert and --tls-key, choose a --data-dir that can be written, or use --disable-tls",
    });
  } finally {
    await rm(partial, { force: true });
  }
}

/** True where our file is now the kept one; false where another process was first. */
async function claim(partial: string, path: string, folder: string, clock: Clock): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await link(partial, path);
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      if ((await findKept(folder, clock)) !== undefined) return false;
      // One that is cut, or about to end.
      await rm(path, { force: true });
    }
  }
  return false;
}

function block(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(text)?.[0];
}
