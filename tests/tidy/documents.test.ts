import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withSettingsTable } from "../../src/config/render-markdown.ts";
import { ROLES } from "../../src/config/row.ts";
import { allRows } from "../../src/config/settings-of.ts";
import { ROOT, readSources } from "./source-files.ts";

const README = join(ROOT, "README.md");
const UPDATE = process.env.UPDATE_GOLDEN === "1";

describe("README.md", () => {
  for (const role of ROLES) {
    test(`has the settings of ${role} as the table has them (UPDATE_GOLDEN=1 bun test tests/tidy writes them)`, async () => {
      const text = await Bun.file(README).text();
      const fresh = withSettingsTable(text, role);
      if (UPDATE && fresh !== undefined) await Bun.write(README, fresh);
      expect(fresh, `README.md needs the lines <!-- settings:${role} --> and <!-- /settings -->`).toBeDefined();
      expect(await Bun.file(README).text()).toBe(fresh ?? "");
    });
  }
});

test("every path that src/README.md names is there", async () => {
  const walk = await Bun.file(join(ROOT, "src/README.md")).text();
  const named = [...walk.matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map(([, path]) => path ?? "");
  expect(named.filter((path) => !existsSync(join(ROOT, "src", path)) && !existsSync(join(ROOT, path)))).toEqual([]);
  expect(named).toContain("chat/agent-loop.ts");
});

/** Settings that no role reads by their name, with the reason. */
const READ_BY_NOBODY: readonly { readonly key: string; readonly because: string }[] = [
  { key: "streamingDriver", because: "documented, but servers stream through NATS whatever it says" },
];

test("every setting is read outside of config, or it does nothing", async () => {
  const readers = (await readSources()).filter(({ path }) => /^src\/(?!config\/|gen\/)/.test(path));
  const unread = allRows()
    .map(({ key }): string => key)
    .filter((key) => !readers.some(({ codeOnly }) => new RegExp(`\\b${key}\\b`).test(codeOnly)));
  expect(unread.sort()).toEqual(READ_BY_NOBODY.map(({ key }) => key).sort());
});
