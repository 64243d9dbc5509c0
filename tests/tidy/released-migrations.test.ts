import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { MIGRATIONS } from "../../src/store/kysely/migrations/migrations.ts";

const ROOT = join(import.meta.dir, "../..");
const MIGRATIONS_FOLDER = join(ROOT, "src/store/kysely/migrations");
const RELEASED = join(ROOT, "tests/contract/store/released-schemas/released.json");

describe("a migration that was released", () => {
  test("never changes: a change of the schema is a new file", async () => {
    const released = z.record(z.string(), z.string()).parse(await Bun.file(RELEASED).json());
    expect(Object.keys(released).length).toBeGreaterThan(0);
    const now: Record<string, string> = {};
    for (const file of Object.keys(released)) {
      const content = await Bun.file(join(MIGRATIONS_FOLDER, file)).text();
      now[file] = createHash("sha256").update(content).digest("hex");
    }
    expect(now).toEqual(released);
  });

  test("counts from 1 without gap, a file each", async () => {
    const files = (await readdir(MIGRATIONS_FOLDER)).filter((file) => /^\d{4}-/.test(file)).sort();
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(MIGRATIONS.map(({ version }) => version));
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });
});
