import { ReliantError } from "../core/errors.ts";
import type { ServerRole } from "./role-process.ts";

/** The servers that the roles stand on. */
export interface Backends {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporal: TemporalPlace;
}

export interface TemporalPlace {
  readonly host: string;
  readonly port: number;
  readonly namespace: string;
}

/** Flags by which a role reaches its backends. Throws `failed_precondition` for a role that needs Temporal, where there is none. */
export function backendFlags(
  kind: ServerRole,
  { databaseUrl, natsUrl, temporal }: Omit<Backends, "temporal"> & { readonly temporal?: TemporalPlace | undefined },
): string[] {
  const flags = ["--db-url", databaseUrl, "--nats-url", natsUrl];
  if (kind === "gateway") return flags;
  if (temporal === undefined) {
    throw new ReliantError("failed_precondition", `start ${kind}: there is no Temporal server for it`);
  }
  const { host, port, namespace } = temporal;
  return [
    ...flags,
    ...["--temporal-host", host, "--temporal-port", String(port)],
    ...["--temporal-namespace", namespace],
  ];
}
