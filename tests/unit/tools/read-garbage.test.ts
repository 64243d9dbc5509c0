import { expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { ReadGarbage } from "../../../src/tools/read-garbage.ts";

test("what was read of pipes is collected each time that the bound is full, and not before", () => {
  let collections = 0;
  const garbage = new ReadGarbage(() => {
    collections += 1;
  });
  garbage.add(LIMITS.readGarbageBytes - 1);
  expect(collections).toBe(0);
  garbage.add(1);
  expect(collections).toBe(1);
  garbage.add(LIMITS.readGarbageBytes - 1);
  expect(collections).toBe(1);
  garbage.add(LIMITS.readGarbageBytes);
  expect(collections).toBe(2);
});
