import { posix, win32 } from "node:path";
import type { Environment, Host } from "./host.ts";

/** Where this user's files go on this platform. */
export interface UserFolders {
  /** Settings and credentials. */
  readonly config: string;
  /** What programs keep: databases, journals, logs. */
  readonly data: string;
}

/**
 * Linux: the XDG base directories (https://specifications.freedesktop.org/basedir-spec, which says that relative paths in
 * its variables are ignored); macOS: Library/Application Support; Windows: %APPDATA%. Source: the documents' table of credentials files.
 */
function userFolders(host: Host): UserFolders {
  const { env, home, platform } = host;
  if (platform === "win32") {
    const folder = win32.join(absolute(env.APPDATA, win32) ?? win32.join(home, "AppData", "Roaming"), "reliant");
    return { config: folder, data: folder };
  }
  if (platform === "darwin") {
    const folder = posix.join(home, "Library", "Application Support", "reliant");
    return { config: folder, data: folder };
  }
  return {
    config: posix.join(xdg(env, "XDG_CONFIG_HOME") ?? posix.join(home, ".config"), "reliant"),
    data: posix.join(xdg(env, "XDG_DATA_HOME") ?? posix.join(home, ".local", "share"), "reliant"),
  };
}

/** The file that `daemon register` writes and `daemon start` reads: gateway, user, token. Source: the documents' "Connecting a Daemon". */
export function daemonCredentialsFile(host: Host): string {
  const path = host.platform === "win32" ? win32 : posix;
  return path.join(userFolders(host).config, "auth", "reliant-daemon.json");
}

/** A folder of this name in the user's data folder. */
export function userDataFolder(host: Host, name: string): string {
  const path = host.platform === "win32" ? win32 : posix;
  return path.join(userFolders(host).data, name);
}

function xdg(env: Environment, name: string): string | undefined {
  return absolute(env[name], posix);
}

function absolute(folder: string | undefined, path: { isAbsolute(path: string): boolean }): string | undefined {
  return folder !== undefined && path.isAbsolute(folder) ? folder : undefined;
}
