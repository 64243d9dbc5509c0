import { expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { ReadGarbage } from "../../../src/tools/read-garbage.ts";

test("what was read of pipes is collected each time that the bound is full, and not before", () => {
  let collections = 0;
  const garbage = new ReadGarbage(
    () => {
      collections += 1;
    },
    () => 0,
  );
  garbage.add(LIMITS.readGarbageBytes - 1);
  expect(collections).toBe(0);
  garbage.add(1);
  expect(collections).toBe(1);
  garbage.add(LIMITS.readGarbageBytes - 1);
  expect(collections).toBe(1);
  garbage.add(LIMITS.readGarbageBytes);
  expect(collections).toBe(2);
});

test("a heap in which collecting takes long is collected the more seldom", () => {
  let nowMs = 0;
  let collections = 0;
  const garbage = new ReadGarbage(
    () => {
      collections += 1;
      nowMs += 40;
    },
    () => nowMs,
  );
  garbage.add(LIMITS.readGarbageBytes);
  expect(collections).toBe(1);
  nowMs += 199;
  garbage.add(LIMITS.readGarbageBytes);
  expect(collections).toBe(1);
  nowMs += 1;
  garbage.add(1);
  expect(collections).toBe(2);
});
