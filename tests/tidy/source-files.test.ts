import { describe, expect, test } from "bun:test";
import { readSource } from "./source-files.ts";
import { stripSource } from "./source-text.ts";

describe("the reader of sources", () => {
  test.each([
    ["a comment", "a // process.exit()\nb", "a                  \nb"],
    ["a block comment over lines", "a /* x\n y */ b", "a     \n      b"],
    ["a string", 'f("Date.now()")', 'f("          ")'],
    ["a string with its quote escaped", String.raw`f("a\"b") + c`, 'f("    ") + c'],
    ["a template, but not the code in it", "`any @{f({ a: `x@{b}` })} c`", "`     {f({ a: `  {b}` })}  `"],
    ["a regular expression with quotes", `x = /["'\`]/.test(y) // z`, "x =        .test(y)     "],
    ["no division", "a / b / c", "a / b / c"],
  ])("takes away %s", (_, text, code) => {
    expect(stripSource(text.replaceAll("@", "$")).codeOnly).toBe(code);
  });

  test("finds every form of import and export", () => {
    const file = readSource(
      "src/a/b.ts",
      [
        'import type { A } from "../c/d.ts";',
        'import {\n  type B,\n  C as D,\n} from "./e.ts";',
        'import * as f from "node:fs";',
        'import "./g.ts";',
        'export { H } from "@scope/name/deep.js";',
        'const i = (await import("./i.ts")).run;',
        "export const J = 1;",
        "export interface K {}",
        "export async function l() {}",
        "export type { M };",
        '// import "./n.ts";',
      ].join("\n"),
    );
    expect(file.imports).toEqual([
      { target: "src/c/d.ts", ours: true, typeOnly: true, later: false, names: ["A"] },
      { target: "src/a/e.ts", ours: true, typeOnly: false, later: false, names: ["B", "C"] },
      { target: "node:fs", ours: false, typeOnly: false, later: false, names: ["*"] },
      { target: "@scope/name", ours: false, typeOnly: false, later: false, names: ["H"] },
      { target: "src/a/g.ts", ours: true, typeOnly: false, later: false, names: [] },
      { target: "src/a/i.ts", ours: true, typeOnly: false, later: true, names: ["run"] },
    ]);
    expect(file.exports.map(({ name, isType }) => `${name}${isType ? " (type)" : ""}`)).toEqual([
      "J",
      "K (type)",
      "l",
      "H",
      "M (type)",
    ]);
  });
});
