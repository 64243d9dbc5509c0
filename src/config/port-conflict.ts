import { ReliantError, toReliantError } from "../core/errors.ts";
import { findPortHolder, type PortHolder } from "./port-holder.ts";
import { namesOf, ROLES, type Role } from "./row.ts";
import { SETTINGS } from "./settings.ts";
import type { KeysOf, SettingKey } from "./settings-of.ts";

/** A port that a role wanted to listen on. */
export interface WantedPort<R extends Role = Role> {
  readonly role: R;
  readonly setting: PortKey & KeysOf<R>;
  readonly port: number;
  readonly bindAddress: string;
}

type PortKey = Extract<SettingKey, `${string}Port`>;

/**
 * The error of a failed `listen`, told so that a person can act: which flag and variable move the port, and who holds it.
 * `address_in_use`, `permission_denied` (a low port) or `invalid_argument` (no such interface); other errors as `toReliantError` has them.
 */
export async function listenError<R extends Role>(error: unknown, wanted: WantedPort<R>): Promise<ReliantError> {
  const act = `listen on ${wanted.bindAddress}:${wanted.port} for ${namesOf(SETTINGS[wanted.setting])}`;
  switch (errorCode(error)) {
    case "EADDRINUSE": {
      const holder = await findPortHolder(wanted.port);
      return new ReliantError("address_in_use", `${act}: address in use${heldBy(holder)}`, {
        cause: error,
        hint: [move(wanted.setting), ...sharedDefault(wanted)].join(". "),
      });
    }
    case "EACCES":
      return new ReliantError("permission_denied", `${act}: permission denied`, {
        cause: error,
        hint: `Ports below 1024 need extra rights. ${move(wanted.setting)}`,
      });
    case "EADDRNOTAVAIL":
      return new ReliantError("invalid_argument", `${act}: no interface of this machine has that address`, {
        cause: error,
        hint: `Give ${namesOf(SETTINGS.bindAddress)} as an address of this machine, 127.0.0.1 or 0.0.0.0`,
      });
    default:
      return toReliantError(error, act);
  }
}

/** Other roles that take the same port unless they are told otherwise. Empty where the wanted port is not a default. */
export function sharedDefault(wanted: Pick<WantedPort, "role" | "setting" | "port">): readonly string[] {
  const others = ROLES.filter((role) => role !== wanted.role).flatMap((role) =>
    Object.values(SETTINGS)
      .map((row) => ({ row, scopes: new Map<string, unknown>(Object.entries(row.scopes)) }))
      .filter(({ row, scopes }) => row.kind.name === "port" && row.kind.listens && scopes.get(role) === wanted.port)
      .map(({ row }) => `${row.flag} of the ${role}`),
  );
  return others.length === 0 ? [] : [`${wanted.port} is also the default of ${others.join(", ")}`];
}

function heldBy(holder: PortHolder | undefined): string {
  return holder === undefined ? "" : ` by process ${holder.pid} (${holder.program})`;
}

function move(setting: PortKey): string {
  const row = SETTINGS[setting];
  return `Choose another port with ${row.flag} or ${row.env}, or stop what holds it`;
}

function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
