import { expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkModulesHere } from "../../../build.ts";
import { WORKFLOW_THREAD_MODULE } from "../../../src/engine/temporal/bundle/dependency-edits.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function tree(root: string): Promise<void> {
  const thread = join(root, "node_modules", WORKFLOW_THREAD_MODULE);
  await mkdir(dirname(thread), { recursive: true });
  await Bun.write(thread, "");
}

test("a tree with dependencies of its own is built, also by way of a link to the tree", async () => {
  await using folder = await tempFolder("build");
  const root = join(folder.path, "tree");
  await tree(root);
  await checkModulesHere(root);
  await symlink(root, join(folder.path, "link"));
  await checkModulesHere(join(folder.path, "link"));
});

test("a tree whose node_modules is a link, or a package in it, is refused: its worker would not find its thread", async () => {
  await using folder = await tempFolder("build");
  const [whole, linked, mixed] = ["whole", "linked", "mixed"].map((name) => join(folder.path, name));
  await tree(whole ?? "");
  await mkdir(linked ?? "");
  await symlink(join(whole ?? "", "node_modules"), join(linked ?? "", "node_modules"));
  await mkdir(join(mixed ?? "", "node_modules"), { recursive: true });
  await symlink(join(whole ?? "", "node_modules/@temporalio"), join(mixed ?? "", "node_modules/@temporalio"));
  for (const root of [linked, mixed]) {
    await expect(checkModulesHere(root ?? "")).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("its dependencies lie elsewhere"),
      hint: expect.stringContaining("npm run bootstrap"),
    });
  }
});

test("a tree without dependencies is told to install them", async () => {
  await using folder = await tempFolder("build");
  await expect(checkModulesHere(folder.path)).rejects.toMatchObject({ code: "failed_precondition" });
});
