import { dirname, join, resolve } from "node:path";
import type { Host } from "../config/host.ts";
import { daemonCredentialsFile } from "../config/paths.ts";

/** Where a daemon keeps what. Everything but credentials and policy is in its data folder. */
export interface DaemonFiles {
  readonly credentials: string;
  readonly policy: string;
  readonly folder: string;
  readonly journal: string;
  readonly identity: string;
  readonly pid: string;
  readonly status: string;
  readonly log: string;
  readonly outputs: string;
}

export function daemonFiles(host: Host, dataDir: string): DaemonFiles {
  const folder = resolve(dataDir);
  const credentials = daemonCredentialsFile(host);
  return {
    credentials,
    policy: join(dirname(dirname(credentials)), "daemon-policy.yaml"),
    folder,
    journal: join(folder, "journal.db"),
    identity: join(folder, "identity.json"),
    pid: join(folder, "daemon.pid"),
    status: join(folder, "status.json"),
    log: join(folder, "logs", "daemon.log"),
    outputs: join(folder, "outputs"),
  };
}
