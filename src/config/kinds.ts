/** The kinds that the rows of the settings table share. */
export const TEXT = { name: "string" } as const;
export const PATH = { name: "path" } as const;
export const FILE_PATH = { name: "path", of: "file" } as const;
export const PEM = { name: "pem" } as const;
export const LISTEN_PORT = { name: "port", listens: true } as const;
export const PORT = { name: "port", listens: false } as const;
export const ON_OFF = { name: "boolean" } as const;
export const LIST = { name: "list" } as const;
export const SECRET = { name: "secret" } as const;
export const HTTP_URL = { name: "url", protocols: ["http", "https"] } as const;
export const ANY_FILE = { name: "file", holds: "any" } as const;
export const CERTIFICATE = { name: "file", holds: "certificate" } as const;
export const PRIVATE_KEY = { name: "file", holds: "private key" } as const;
export const PUBLIC_KEY = { name: "file", holds: "public key" } as const;
export const POSTGRES_URL = { name: "secretUrl", protocols: ["postgres", "postgresql"], several: false } as const;
export const NATS_URL = { name: "secretUrl", protocols: ["nats", "tls", "ws", "wss"], several: true } as const;
export const MODEL = {
  name: "string",
  form: {
    pattern: /^(anthropic|openai|google|compatible|scripted)\/\S.*$/,
    says: "a provider and a model, as in anthropic/NAME, openai/NAME, google/NAME, compatible/NAME or scripted/FILE",
  },
} as const;
export const ID = {
  name: "string",
  form: { pattern: /^[A-Za-z0-9_-]{1,128}$/, says: 'an id: letters, digits, "_" and "-" only, at most 128' },
} as const;

/** One of a closed list of words. */
export function choice<const C extends readonly string[]>(...choices: C) {
  return { name: "enum", choices } as const;
}
