/** What a port shows in a TLS handshake, as PEM texts. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}
