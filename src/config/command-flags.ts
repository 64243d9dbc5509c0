import { choice, ON_OFF, PRIVATE_KEY, TEXT } from "./kinds.ts";
import { OPTIONAL, REQUIRED, ROLES, setting } from "./row.ts";

/** Rows of the settings table that belong to one call of a command: they have no environment variable. */
export const COMMAND_FLAGS = {
  json: setting(
    "--json",
    undefined,
    ON_OFF,
    { run: false, version: false, config: false, status: false },
    "Print JSON for programs to read",
  ),
  role: setting(
    "--role",
    undefined,
    choice(...ROLES),
    { config: "monolith" },
    "Whose settings to show; that role's own flags are taken too",
  ),
  force: setting(
    "--force",
    undefined,
    ON_OFF,
    { stop: false },
    "Kill the daemon (SIGKILL) in place of a graceful stop",
  ),
  follow: setting("--follow", undefined, ON_OFF, { logs: false }, "Go on printing lines as they come"),
  privateKeyFile: setting(
    "--private-key",
    undefined,
    PRIVATE_KEY,
    { token: REQUIRED },
    "Private key (PEM) that signs: Ed25519, P-256 or RSA",
  ),
  subject: setting("--subject", undefined, TEXT, { token: REQUIRED }, "User whom the token is for"),
  expiresInMs: setting(
    "--expires",
    undefined,
    { name: "duration", minMs: 1000, maxMs: 365 * 24 * 3600 * 1000 },
    { token: 3600 * 1000 },
    "Time until the token expires, as in 30m, 1h or 7d",
  ),
  issuer: setting("--issuer", undefined, TEXT, { token: OPTIONAL }, "Issuer that the token names"),
  audience: setting("--audience", undefined, TEXT, { token: OPTIONAL }, "Audience that the token names"),
} as const;
