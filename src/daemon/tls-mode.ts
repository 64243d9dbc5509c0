import { ReliantError } from "../core/errors.ts";

/** Source: the documents' "TLS". */
export const TLS_MODES = ["tls", "insecure_tls_skip_verify", "h2c"] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** The mode that was asked for, else the one that the address implies: https tls, http h2c. Throws `usage` where they contradict each other. */
export function tlsModeOf(url: string, asked: TlsMode | undefined): TlsMode {
  const plain = new URL(url).protocol === "http:";
  const mode = asked ?? (plain ? "h2c" : "tls");
  if (plain === (mode === "h2c")) return mode;
  throw new ReliantError("usage", `TLS mode ${mode} does not fit the gateway's address ${url}`, {
    hint: `use ${plain ? "https" : "http"}:// or leave --tls-mode out`,
  });
}
