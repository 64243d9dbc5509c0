import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { messageOf } from "../core/errors.ts";

/** The folders that a call may touch, or why there are none. */
export type ConfinedRoots =
  | { readonly kind: "roots"; readonly roots: readonly string[] }
  /** The chat names no folder, or one that is not on this machine. */
  | { readonly kind: "missing"; readonly text: string }
  | { readonly kind: "denied"; readonly text: string };

/**
 * The call's folders, narrowed to what this machine allows: each list of `limits` narrows further, and where only a part
 * of a folder is allowed, that part remains. All by their real paths, so that a link does not lead out.
 */
export async function confineRoots(
  asked: readonly string[],
  limits: readonly (readonly string[])[],
): Promise<ConfinedRoots> {
  if (asked.length === 0) return { kind: "missing", text: "This chat has no project folder on this machine." };
  let roots: string[] = [];
  for (const root of asked) {
    const found = await realFolder(root);
    if ("fault" in found) return { kind: "missing", text: found.fault };
    roots.push(found.path);
  }
  for (const limit of limits) {
    // An allowed folder that is not there allows nothing.
    const real = (await Promise.all(limit.map(realFolder))).flatMap((found) => ("path" in found ? [found.path] : []));
    roots = roots.flatMap((root) => {
      if (real.some((folder) => isWithin(root, folder))) return [root];
      return real.filter((folder) => isWithin(folder, root));
    });
  }
  if (roots.length > 0) return { kind: "roots", roots: [...new Set(roots)] };
  const allowed = limits.map((limit) => limit.join(", ") || "nothing").join("; of these: ");
  return {
    kind: "denied",
    text: `This machine's policy does not allow tools in ${asked.join(", ")}; allowed: ${allowed}.`,
  };
}

/** True where `path` is `folder` or below it. Both real and absolute. */
function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

async function realFolder(path: string): Promise<{ path: string } | { fault: string }> {
  if (!isAbsolute(path)) return { fault: `The project folder ${path} is not an absolute path.` };
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return { path: real };
    return { fault: `The project folder ${path} is not a folder on this machine.` };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return {
      fault: missing
        ? `The project folder ${path} does not exist on this machine.`
        : `The project folder ${path} cannot be opened on this machine: ${messageOf(error)}`,
    };
  }
}
