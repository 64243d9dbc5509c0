import { describe, expect, test } from "bun:test";
import { mkdir, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { holdFolder, openFile } from "../../../src/tools/open-inside.ts";
import { confine } from "../../../src/tools/paths.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** A root with a file, a folder, and links in and out; beside it another root, and what is outside of both. */
async function world() {
  const folder = await tempFolder("paths");
  const [root, second, outside] = ["root", "second", "root-but-not"].map((name) => join(folder.path, name));
  if (root === undefined || second === undefined || outside === undefined) throw new Error("three names give three");
  for (const made of [root, second, outside, join(root, "sub")]) await mkdir(made);
  await Bun.write(join(root, "a.txt"), "a");
  await Bun.write(join(outside, "secret.txt"), "secret");
  await symlink(join(outside, "secret.txt"), join(root, "file-out"));
  await symlink(outside, join(root, "folder-out"));
  await symlink("sub", join(root, "folder-in"));
  await symlink("loop-b", join(root, "loop-a"));
  await symlink("loop-a", join(root, "loop-b"));
  await symlink(join(outside, "not-made-yet"), join(root, "dangling-out"));
  return { root, second, outside, roots: [root, second], [Symbol.asyncDispose]: folder.remove };
}

describe("a path", () => {
  for (const [path, expected] of [
    ["a.txt", "a.txt"],
    ["./sub/../a.txt", "a.txt"],
    ["sub/new/deep.txt", "sub/new/deep.txt"],
    ["folder-in/new.txt", "sub/new.txt"],
    [".", "."],
    ["..a.txt", "..a.txt"],
  ] as const) {
    test(`${path} is inside, as ${expected}`, async () => {
      await using here = await world();
      expect(await confine(path, here.roots)).toEqual({
        kind: "inside",
        path: join(here.root, expected),
        root: here.root,
        shown: expected,
      });
    });
  }

  test("may be absolute, in any root", async () => {
    await using here = await world();
    const path = join(here.second, "b.txt");
    expect(await confine(path, here.roots)).toEqual({ kind: "inside", path, root: here.second, shown: path });
  });

  for (const path of [
    "..",
    "../root-but-not/secret.txt",
    "sub/../../root-but-not/secret.txt",
    "/etc/passwd",
    "/",
    "file-out",
    "folder-out/secret.txt",
    "folder-out/new.txt",
    "folder-out/new/deep.txt",
  ]) {
    test(`${path} is outside, and the folders that are allowed are named`, async () => {
      await using here = await world();
      const found = await confine(path, here.roots);
      expect(found).toEqual({
        kind: "refused",
        text: `${path} is outside of the folders that this chat may touch: ${here.root}, ${here.second}.`,
      });
    });
  }

  for (const [path, why] of [
    ["loop-a", "in a circle"],
    ["loop-a/x.txt", "in a circle"],
    ["dangling-out", "a link to something that does not exist"],
    ["dangling-out/x.txt", "a link to something that does not exist"],
    ["a\0b", "NUL"],
    ["x".repeat(5000), "too long"],
  ] as const) {
    test(`${JSON.stringify(path.slice(0, 30))} is refused: ${why}`, async () => {
      await using here = await world();
      expect(await confine(path, here.roots)).toMatchObject({ kind: "refused", text: expect.stringContaining(why) });
    });
  }

  test("below a file is inside, for whoever opens it to refuse", async () => {
    await using here = await world();
    expect(await confine("a.txt/b", here.roots)).toMatchObject({ kind: "inside", shown: "a.txt/b" });
  });

  test("is refused where there is no root", async () => {
    expect(await confine("a.txt", [])).toMatchObject({ kind: "refused" });
  });
});

describe("opening what was found inside", () => {
  test("does not follow a link that was put in the file's place since", async () => {
    await using here = await world();
    const opened = await openFile(join(here.root, "file-out"), "file-out", here.roots);
    expect(opened).toMatchObject({ kind: "refused", text: expect.stringContaining("became a link") });
  });

  test("refuses a file whose folder was changed for a link since", async () => {
    await using here = await world();
    await Bun.write(join(here.root, "sub/secret.txt"), "mine");
    const found = await confine("sub/secret.txt", here.roots);
    await rename(join(here.root, "sub"), join(here.root, "moved"));
    await symlink(here.outside, join(here.root, "sub"));
    if (found.kind !== "inside") throw new Error("it was inside");
    const opened = await openFile(found.path, found.shown, here.roots);
    expect(opened).toMatchObject({ kind: "refused", text: expect.stringContaining("outside of the folders") });
    expect(await holdFolder(join(here.root, "sub"), here.roots)).toBeString();
  });
});
