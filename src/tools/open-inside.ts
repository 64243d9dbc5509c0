import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import { isInside, outside } from "./paths.ts";
import { systemCode } from "./tool-result.ts";

export type Opened =
  | { readonly kind: "file"; readonly handle: FileHandle; readonly stats: Stats }
  | { readonly kind: "folder" }
  | { readonly kind: "missing" }
  | { readonly kind: "refused"; readonly text: string };

/** What the operating system opens is asked for once more: a link may have been put in the way since the path was looked at. */
const SAFELY = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file for reading, of a path that {@link confine} gave. Pipes, devices and sockets are refused without
 * being read: they may never end. `shown` names it in texts.
 */
export async function openFile(path: string, shown: string, roots: readonly string[]): Promise<Opened> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | SAFELY);
  } catch (error) {
    return notOpened(error, shown);
  }
  try {
    const stats = await handle.stat();
    const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "special";
    const inside = kind === "special" || (await isStillInside(handle, roots));
    if (kind === "file" && inside) return { kind, handle, stats };
    await handle.close();
    if (!inside) return { kind: "refused", text: outside(shown, roots) };
    if (kind === "folder") return { kind };
    return { kind: "refused", text: `${shown} is not a regular file but ${specialName(stats)}, which is not read.` };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A folder that is held open, so that names in it are of this folder and of no other that takes its place. */
export interface HeldFolder extends AsyncDisposable {
  /** The path of a name in the folder. */
  pathOf(name: string): string;
}

/** Holds a folder of a path that {@link confine} gave. Gives a text where it cannot. */
export async function holdFolder(path: string, roots: readonly string[]): Promise<HeldFolder | string> {
  if (process.platform !== "linux") {
    return { pathOf: (name) => `${path}/${name}`, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    if (await isStillInside(handle, roots)) {
      return { pathOf: (name) => `/proc/self/fd/${handle.fd}/${name}`, [Symbol.asyncDispose]: () => handle.close() };
    }
    await handle.close();
    return outside(path, roots);
  } catch (error) {
    return `${path} cannot be opened: ${messageOf(error)}`;
  }
}

async function isStillInside(handle: FileHandle, roots: readonly string[]): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const real = await readlink(`/proc/self/fd/${handle.fd}`);
  return roots.some((root) => isInside(real, root));
}

function notOpened(error: unknown, shown: string): Opened {
  switch (systemCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return { kind: "missing" };
    case "EACCES":
    case "EPERM":
      return { kind: "refused", text: `${shown} may not be read: permission denied.` };
    case "ELOOP":
      return { kind: "refused", text: `${shown} became a link while it was opened; try again.` };
    case "ENXIO":
      return { kind: "refused", text: `${shown} is a socket or a device, which is not read.` };
    default:
      return { kind: "refused", text: `${shown} cannot be opened: ${messageOf(error)}` };
  }
}

function specialName(stats: Stats): string {
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}
