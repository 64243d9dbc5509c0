import { homedir } from "node:os";

/** Environment variables, as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What settings depend on beside flags: variables, platform, the user's home folder. */
export interface Host {
  readonly env: Environment;
  /** As Node names it: `linux`, `darwin`, `win32`. */
  readonly platform: string;
  readonly home: string;
}

/** The host that this process runs on. */
export function thisHost(): Host {
  return { env: process.env, platform: process.platform, home: homedir() };
}
