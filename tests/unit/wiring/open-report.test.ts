import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openReport } from "../../../src/wiring/open-report.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("the file of a report", () => {
  test.each([
    ["in a folder that is not there", "gone/report.json"],
    ["that is a folder", "."],
  ])("%s is refused before there is anything to write, as wrong usage", async (_, path) => {
    await using folder = await tempFolder("report");
    const opening = openReport(join(folder.path, path));
    await expect(opening).rejects.toMatchObject({ code: "invalid_argument", row: { exitCode: 2 } });
    await expect(openReport(join(folder.path, path))).rejects.toThrow(`write ${join(folder.path, path)}`);
  });

  test("keeps what it held until it is written, and then holds the new report alone", async () => {
    await using folder = await tempFolder("report");
    const path = join(folder.path, "report.json");
    await Bun.write(path, "an older and much longer report");
    const report = await openReport(path);
    expect(await Bun.file(path).text()).toBe("an older and much longer report");
    await report.write({ a: 1 });
    await report.close();
    expect(await Bun.file(path).json()).toEqual({ a: 1 });
  });

  test("that was made for a report is gone where none came", async () => {
    await using folder = await tempFolder("report");
    await (await openReport(join(folder.path, "new.json"))).close();
    expect(await readdir(folder.path)).toEqual([]);
    const old = join(folder.path, "old.json");
    await Bun.write(old, "");
    await (await openReport(old)).close();
    expect(await readdir(folder.path)).toEqual(["old.json"]);
  });
});
