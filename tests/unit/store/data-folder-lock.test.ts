import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ReliantError } from "../../../src/core/errors.ts";
import { lockDataFolder } from "../../../src/store/data-folder-lock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

function refusalOf(folder: string): ReliantError {
  try {
    lockDataFolder(folder).release();
  } catch (error) {
    if (error instanceof ReliantError) return error;
    throw error;
  }
  throw new Error(`the lock of ${folder} was given`);
}

describe("the data folder's lock", () => {
  test("is given to one, told who holds it to the next, and given again when released", async () => {
    await using folder = await tempFolder("lock");
    const path = join(folder.path, "data");
    const lock = lockDataFolder(path);
    const refused = refusalOf(path);
    expect(refused.code).toBe("failed_precondition");
    expect(refused.message).toBe(`lock data folder ${path}: process ${process.pid} uses it`);
    expect(refused.hint).toContain("--data-dir");
    lock.release();
    lock.release();
    lockDataFolder(path).release();
  });

  test("falls to the next one when its holder is killed", async () => {
    await using folder = await tempFolder("lock");
    await using holder = Bun.spawn([process.execPath, join(import.meta.dir, "lock-proof.ts"), folder.path], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = holder.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("locked\n");
    expect(refusalOf(folder.path).message).toContain(`process ${holder.pid} uses it`);
    holder.kill("SIGKILL");
    await holder.exited;
    lockDataFolder(folder.path).release();
  });

  test("of a folder that cannot be one names the folder and what to do", async () => {
    await using folder = await tempFolder("lock");
    const file = join(folder.path, "file");
    await writeFile(file, "");
    const refused = refusalOf(join(file, "data"));
    expect(refused.code).toBe("permission_denied");
    expect(refused.message).toContain(join(file, "data"));
    expect(refused.hint).toContain("--data-dir");
  });
});
