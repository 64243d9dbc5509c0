import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { checkLimit } from "../../../src/chaos/descriptor-limit.ts";
import { checkFull } from "../../../src/chaos/small-disk.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("a fault that did not take says so", () => {
  test("where one more byte fits on the disk that was filled; the byte is taken back", async () => {
    await using folder = await tempFolder("disk");
    await expect(checkFull(folder.path)).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("it did not take: one more byte fits"),
    });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("where the kernel holds the process to another number of files", async () => {
    await expect(checkLimit(process.pid, 3)).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringMatching(/it did not take: its limit is \d+, not 3$/),
    });
  });
});
