import { copyFile, mkdir, readlink, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** Fills `folder` with what a clone would have: the files that git knows or would take, as they are now; nothing built, nothing installed. */
export async function copyCheckout(folder: string): Promise<void> {
  const list = Bun.spawn(["git", "ls-files", "-co", "--exclude-standard", "-z"], { cwd: ROOT, stdout: "pipe" });
  const names = (await list.stdout.text()).split("\0").filter((name) => name !== "");
  if ((await list.exited) !== 0 || names.length === 0) throw new Error(`list the files of ${ROOT}: git failed`);
  for (const name of names) {
    const from = join(ROOT, name);
    const to = join(folder, name);
    await mkdir(dirname(to), { recursive: true });
    const link = await readlink(from).catch(() => undefined);
    if (link !== undefined) await symlink(link, to);
    else if (await Bun.file(from).exists()) await copyFile(from, to);
  }
}
