import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { IdKeeper, readDaemonId } from "../../../src/daemon/identity-file.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";

let folder: TempFolder;
let path: string;

beforeEach(async () => {
  folder = await tempFolder("identity");
  path = join(folder.path, "data", "daemon.json");
});
afterEach(() => folder.remove());

describe("the daemon id that a gateway gives", () => {
  test("is in the file once it is settled, for the next start", async () => {
    const keeper = new IdKeeper(path, "");
    keeper.keep("dmn_1");
    await keeper.settled();
    expect(await readDaemonId(path)).toBe("dmn_1");
  });

  test("is kept once: the first one stays, while it is written and after it", async () => {
    const keeper = new IdKeeper(path, "");
    keeper.keep("dmn_1");
    keeper.keep("dmn_2");
    await keeper.settled();
    keeper.keep("dmn_3");
    await keeper.settled();
    expect(await readDaemonId(path)).toBe("dmn_1");
  });

  test("is not kept where another one was asked for by hand", async () => {
    const keeper = new IdKeeper(path, "dmn_mine");
    keeper.keep("dmn_mine");
    await keeper.settled();
    expect(await readDaemonId(path)).toBeUndefined();
  });

  test("is written by a later call where the first one could not write it", async () => {
    const keeper = new IdKeeper(path, "");
    // A file is not put in the place of a folder.
    await mkdir(path, { recursive: true });
    keeper.keep("dmn_1");
    await keeper.settled();
    await rmdir(path);
    expect(await readDaemonId(path)).toBeUndefined();
    keeper.keep("dmn_1");
    await keeper.settled();
    expect(await readDaemonId(path)).toBe("dmn_1");
  });

  test("is settled where nothing was to be kept", async () => {
    const keeper = new IdKeeper(path, "");
    await keeper.settled();
    expect(await readDaemonId(path)).toBeUndefined();
  });
});
