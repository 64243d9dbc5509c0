import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { messageOf } from "../core/errors.ts";
import { systemCode } from "./tool-result.ts";

/** A place inside the roots, or why it may not be touched, for the model. */
export type Confined =
  | {
      readonly kind: "inside";
      /** Without links, except that the last parts may not exist yet. */
      readonly path: string;
      /** The root that it is in. */
      readonly root: string;
      /** As the model should name it: from the first root where it is in there, else absolute. */
      readonly shown: string;
    }
  | { readonly kind: "refused"; readonly text: string };

/**
 * Finds the path inside the roots, which are real paths: relative ones from the first root, absolute ones inside any.
 * Links are followed, those of folders on the way to a file that does not exist yet as well, and must stay inside.
 */
export async function confine(path: string, roots: readonly string[]): Promise<Confined> {
  const [first] = roots;
  if (first === undefined) return refused("There is no folder that this chat may touch.");
  if (path.includes("\0")) return refused("A path cannot contain a NUL character.");
  const asked = isAbsolute(path) ? resolve(path) : resolve(first, path);
  const real = await realOf(asked);
  if ("fault" in real) return refused(`${path}: ${real.fault}`);
  const root = roots.find((one) => isInside(real.path, one));
  if (root === undefined) return refused(outside(path, roots));
  return { kind: "inside", path: real.path, root, shown: shownPath(real.path, first) };
}

/** True where `path` is `folder` or below it. Both real and absolute. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

export function shownPath(path: string, first: string): string {
  return isInside(path, first) ? relative(first, path).replaceAll(sep, "/") || "." : path;
}

export function outside(path: string, roots: readonly string[]): string {
  return `${path} is outside of the folders that this chat may touch: ${roots.join(", ")}.`;
}

/** The path without links; of what does not exist yet, the nearest folder that does is resolved. */
async function realOf(path: string): Promise<{ readonly path: string } | { readonly fault: string }> {
  const missing: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    try {
      return { path: join(await realpath(at), ...missing) };
    } catch (error) {
      const code = systemCode(error);
      if (code === "ELOOP") return { fault: "its links lead in a circle." };
      if (code === "ENAMETOOLONG") return { fault: "the name is too long." };
      if (code === "ENOTDIR") {
        if (dirname(at) === at) return { fault: messageOf(error) };
      } else if (code !== "ENOENT") return { fault: `cannot be opened: ${messageOf(error)}` };
      if (await isLink(at)) return { fault: `${at} is a link to something that does not exist.` };
      missing.unshift(basename(at));
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

function refused(text: string): Confined {
  return { kind: "refused", text };
}
