import { describe, expect, test } from "bun:test";
import { jsonOf, jsonOrText } from "../../../src/models/json-border.ts";

describe("JSON from a model", () => {
  test("holds no half characters: providers refuse a transcript that repeats one", () => {
    const input = jsonOrText('{"command":"echo \\ud83d","list":["\\udc00"],"k\\ud800":1,"whole":"\\ud83d\\ude00"}');
    expect(input).toEqual({ command: "echo \ufffd", list: ["\ufffd"], "k\ufffd": 1, whole: "\u{1f600}" });
    expect(jsonOrText("{ half \ud83d")).toBe("{ half \ufffd");
  });

  test("keeps a key that names a prototype as a key, and changes no prototype", () => {
    const input = jsonOrText('{"__proto__":{"command":"id"},"a":1}');
    expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
    expect(JSON.stringify(input)).toBe('{"__proto__":{"command":"id"},"a":1}');
  });

  test("nested beyond all measure is text", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(jsonOrText(deep)).toBe(deep);
  });

  test("leaves out what JSON cannot say", () => {
    expect(jsonOf({ a: undefined, b: [undefined, Number.NaN], c: () => 1 })).toEqual({ b: [null, null] });
  });
});
