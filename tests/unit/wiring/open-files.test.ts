import { afterEach, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, logger } from "../../../src/core/logger.ts";
import { warnOfFewOpenFiles } from "../../../src/wiring/open-files.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";

let folder: TempFolder | undefined;
afterEach(() => folder?.remove());

/** What it warns of where Linux tells these limits. */
async function warnings(limits: string): Promise<unknown[]> {
  folder = await tempFolder("limits");
  const path = join(folder.path, "limits");
  await writeFile(path, limits);
  const told: unknown[] = [];
  const log: Logger = Object.assign(Object.create(logger("test")), {
    warn: (_: string, fields: unknown) => void told.push(fields),
  });
  await warnOfFewOpenFiles(log, path);
  return told;
}

const limits = (soft: number) =>
  `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}       524288    files\n`;

test("a gateway that may open few files says how many daemons it can hold", async () => {
  expect(await warnings(limits(1024))).toEqual([{ daemons: 768, openFiles: 1024 }]);
});

test("one that may open enough, or is told nothing, says nothing", async () => {
  expect(await warnings(limits(20_000))).toEqual([]);
  expect(await warnings("")).toEqual([]);
});
