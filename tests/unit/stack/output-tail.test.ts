import { describe, expect, test } from "bun:test";
import { OutputTail } from "../../../src/stack/output-tail.ts";

describe("the tail of an output", () => {
  test("is all of it while it is short", () => {
    const tail = new OutputTail(10);
    tail.add("one ");
    tail.add("two");
    expect(tail.text()).toBe("one two");
  });

  test("is its newest characters, however it came", () => {
    const tail = new OutputTail(10);
    for (let count = 0; count < 1000; count++) tail.add(`${count} `);
    expect(tail.text()).toBe("7 998 999 ");
    tail.add("a very long one at once");
    expect(tail.text()).toBe("ne at once");
  });

  test("tells its last lines", () => {
    const tail = new OutputTail(100);
    tail.add("a\nb\nc\n");
    expect(tail.lastLines(2)).toBe("b\nc");
  });
});
