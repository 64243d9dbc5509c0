import { version } from "../package.json";

/** What this program was built from. From source, commit and date are `undefined`. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string | undefined;
  /** Time of the build, ISO 8601, UTC. */
  readonly date: string | undefined;
  readonly bun: string;
  /** `linux-x64`, `linux-arm64`, `darwin-x64`, `darwin-arm64` or `windows-x64`. */
  readonly target: string;
}

/** Texts that `build.ts` compiles in; empty where it knows none. */
declare const RELIANT_BUILD_COMMIT: string | undefined;
declare const RELIANT_BUILD_DATE: string | undefined;

export function buildInfo(): BuildInfo {
  return {
    version,
    commit: typeof RELIANT_BUILD_COMMIT === "string" && RELIANT_BUILD_COMMIT !== "" ? RELIANT_BUILD_COMMIT : undefined,
    date: typeof RELIANT_BUILD_DATE === "string" && RELIANT_BUILD_DATE !== "" ? RELIANT_BUILD_DATE : undefined,
    bun: Bun.version,
    target: `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`,
  };
}
