import { cp, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "../../..");
/** What the simulation is made of. */
const PARTS = ["src", "tests/simulation", "package.json", "tsconfig.json"];

/** Fills the empty `folder` with what the simulation needs of this tree, and applies the patch. Throws where it does not fit. */
export async function mutatedCopy(folder: string, patch: string): Promise<void> {
  for (const part of PARTS) {
    await mkdir(dirname(join(folder, part)), { recursive: true });
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  // As if no repository were around the folder: there git would pass over what it does not know.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) };
  const command = ["git", "apply", "--whitespace=nowarn", join(import.meta.dir, patch)];
  const apply = Bun.spawn(command, { cwd: folder, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = await apply.stderr.text();
  if ((await apply.exited) === 0) return;
  throw new Error(
    `tests/simulation/mutations/${patch} no longer applies: ${said.trim()}. Where the code that it changes was moved, make the patch anew (git diff -U1); where its rule is gone, remove it and its row in mutations.ts`,
  );
}
