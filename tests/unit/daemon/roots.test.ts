import { describe, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { confineRoots } from "../../../src/daemon/roots.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function withFolders(use: (at: (...names: string[]) => string) => Promise<void>): Promise<void> {
  await using folder = await tempFolder("roots");
  const at = (...names: string[]) => join(folder.path, ...names);
  await mkdir(at("work", "project", "part"), { recursive: true });
  await mkdir(at("secret"));
  await symlink(at("secret"), at("work", "link"));
  await Bun.write(at("work", "file"), "");
  await use(at);
}

describe("the folders of a call", () => {
  test("are those that it names where this machine allows any", async () => {
    await withFolders(async (at) => {
      expect(await confineRoots([at("work"), at("secret")], [])).toEqual({
        kind: "roots",
        roots: [at("work"), at("secret")],
      });
    });
  });

  test("are real paths: a link does not lead out of what is allowed", async () => {
    await withFolders(async (at) => {
      expect(await confineRoots([at("work", "link")], [])).toEqual({ kind: "roots", roots: [at("secret")] });
      expect(await confineRoots([at("work", "link")], [[at("work")]])).toMatchObject({ kind: "denied" });
    });
  });

  test("are narrowed to the allowed part, and by every list", async () => {
    await withFolders(async (at) => {
      const whole = at("work");
      const [project, part] = [at("work", "project"), at("work", "project", "part")];
      expect(await confineRoots([whole], [[project]])).toEqual({ kind: "roots", roots: [project] });
      expect(await confineRoots([project], [[whole], [part]])).toEqual({ kind: "roots", roots: [part] });
      expect(await confineRoots([whole], [[project], [at("secret")]])).toMatchObject({ kind: "denied" });
    });
  });

  test("are none where nothing that is allowed exists", async () => {
    await withFolders(async (at) => {
      const answer = await confineRoots([at("work")], [[at("gone")]]);
      expect(answer).toMatchObject({ kind: "denied", text: expect.stringContaining(at("gone")) });
    });
  });

  for (const [name, roots, text] of [
    ["no folder", () => [], /no project folder/],
    ["a folder that is gone", (at: (name: string) => string) => [at("gone")], /does not exist on this machine/],
    ["a file", (at: (name: string) => string) => [`${at("work")}/file`], /is not a folder/],
    ["a relative path", () => ["work"], /not an absolute path/],
  ] as const) {
    test(`are missing with ${name}, and it is said`, async () => {
      await withFolders(async (at) => {
        expect(await confineRoots(roots(at), [])).toMatchObject({ kind: "missing", text: expect.stringMatching(text) });
      });
    });
  }

  for (const [path, allowed, within] of [
    ["a", "a", true],
    ["a/b", "a", true],
    ["ab", "a", false],
    ["a/..b", "a", true],
    ["a/b", ".", true],
  ] as const) {
    test(`${path} ${within ? "is" : "is not"} within ${allowed}`, async () => {
      await using folder = await tempFolder("roots");
      const root = join(folder.path, path);
      await mkdir(root, { recursive: true });
      await mkdir(join(folder.path, allowed), { recursive: true });
      const answer = await confineRoots([root], [[join(folder.path, allowed)]]);
      expect(answer).toMatchObject(within ? { kind: "roots", roots: [root] } : { kind: "denied" });
    });
  }
});
