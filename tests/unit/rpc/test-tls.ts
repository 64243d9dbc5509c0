import { selfSignedCertificate } from "../../../src/rpc/self-signed-certificate.ts";

/** A certificate for this machine, made anew by whoever asks. */
export function testTls() {
  return selfSignedCertificate(["localhost", "127.0.0.1"], Date.now());
}
