import type { ConnectionOptions } from "nats";
import { ReliantError } from "../core/errors.ts";

const SCHEMES: ReadonlySet<string> = new Set(["nats:", "tls:"]);

/**
 * What a NATS address says: `nats://[user[:password]@]host[:port]`, several separated by commas; `tls://` asks for TLS.
 * A user without a password is a token. Throws `invalid_argument`, without the secret in its message.
 */
export function natsServers(url: string): Pick<ConnectionOptions, "servers" | "user" | "pass" | "token" | "tls"> {
  const addresses = url.split(",").map((part) => parse(part.trim()));
  const named = addresses.find((address) => address.username !== "");
  const user = decodeURIComponent(named?.username ?? "");
  const pass = decodeURIComponent(named?.password ?? "");
  return {
    servers: addresses.map((address) => `${address.hostname}:${address.port === "" ? "4222" : address.port}`),
    ...(user === "" ? {} : pass === "" ? { token: user } : { user, pass }),
    ...(addresses.some((address) => address.protocol === "tls:") ? { tls: {} } : {}),
  };
}

function parse(text: string): URL {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed !== undefined && SCHEMES.has(parsed.protocol) && parsed.hostname !== "") return parsed;
  throw new ReliantError("invalid_argument", "read the NATS address: it is not of the form nats://host:4222", {
    hint: "set --nats-url (NATS_URL) to nats://host:4222, or to several such addresses separated by commas",
  });
}
