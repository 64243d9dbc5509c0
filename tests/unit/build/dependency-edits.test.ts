import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  applyEdits,
  BUILD_TARGETS,
  type DependencyEdit,
  filesNotLoaded,
  temporalEdits,
} from "../../../src/engine/temporal/bundle/dependency-edits.ts";

const MODULES = join(import.meta.dir, "../../../node_modules");
const EDIT: DependencyEdit = { file: "a/b.js", find: "old()", replace: "new$&()", reason: "calls the old one" };

describe("edits of dependencies", () => {
  test("change the text that they name, and nothing in other files", () => {
    expect(applyEdits("a/b.js", "x; old(); y", [EDIT])).toBe("x; new$&(); y");
    expect(applyEdits("a/c.js", "x; old(); y", [EDIT])).toBe("x; old(); y");
  });

  test("fail, naming file, text and reason, where the text has moved", () => {
    const fail = () => applyEdits("a/b.js", "x; y", [EDIT]);
    expect(fail).toThrow("edit node_modules/a/b.js: expected once, found 0 times: old()");
    expect(fail).toThrow(expect.objectContaining({ hint: expect.stringContaining("calls the old one") }));
  });

  test("fail where the text is there twice", () => {
    expect(() => applyEdits("a/b.js", "old(); old()", [EDIT])).toThrow("found 2 times");
  });

  test("tell which files were never loaded", () => {
    const other = { ...EDIT, file: "a/other.js" };
    expect(filesNotLoaded([EDIT, EDIT, other], new Set(["a/b.js"]))).toEqual(["a/other.js"]);
  });

  for (const target of BUILD_TARGETS) {
    test(`fit the installed dependencies, and the core's file exists: ${target}`, async () => {
      const edits = temporalEdits(target, "./thread.js");
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const edited = applyEdits(file, await Bun.file(join(MODULES, file)).text(), edits);
        const core = /require\("\.\/(releases\/[^"]+)"\)/.exec(edited)?.[1];
        const named = core === undefined ? file : `@temporalio/core-bridge/${core}`;
        expect(await Bun.file(join(MODULES, named)).exists()).toBe(true);
      }
    });
  }
});
