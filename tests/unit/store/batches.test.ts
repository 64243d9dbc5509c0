import { describe, expect, test } from "bun:test";
import { Batches } from "../../../src/core/batches.ts";
import { ReliantError } from "../../../src/core/errors.ts";

interface World {
  readonly batches: Batches<string, string>;
  readonly together: string[][];
  readonly alone: string[];
}

function world(over: { readonly fail?: unknown; readonly maxWaiting?: number } = {}): World {
  const [together, alone]: [string[][], string[]] = [[], []];
  const batches = new Batches<string, string>({
    ...{ act: "test", maxItems: 3, maxWaiting: over.maxWaiting ?? 100, keyOf: (item) => item.slice(0, 1) },
    together: async (items) => {
      together.push([...items]);
      if (over.fail !== undefined) throw over.fail;
      return items.map((item) => `${item}!`);
    },
    alone: async (item) => {
      alone.push(item);
      if (item.startsWith("x")) throw new ReliantError("not_found", item);
      return `${item}.`;
    },
  });
  return { batches, together, alone };
}

describe("things that are done in batches", () => {
  test("one alone is done at once, those that come meanwhile together", async () => {
    const { batches, together, alone } = world();
    const results = await Promise.all(["a", "b", "c"].map((item) => batches.do(item)));
    expect(results).toEqual(["a.", "b!", "c!"]);
    expect([together, alone]).toEqual([[["b", "c"]], ["a"]]);
  });

  test("a batch is bounded, and has no two of one key", async () => {
    const { batches, together, alone } = world();
    const results = await Promise.all(["a", "b1", "b2", "c", "d", "e"].map((item) => batches.do(item)));
    expect(results).toEqual(["a.", "b1!", "b2!", "c!", "d!", "e!"]);
    expect([together, alone]).toEqual([
      [
        ["b1", "c", "d"],
        ["b2", "e"],
      ],
      ["a"],
    ]);
  });

  test("where one of a batch fails, the others do not", async () => {
    const { batches } = world({ fail: new ReliantError("not_found", "one of them") });
    const results = await Promise.allSettled(["a", "b", "x", "d"].map((item) => batches.do(item)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });

  test("where all of them cannot be done now, nobody asks for each alone", async () => {
    const { batches, alone } = world({ fail: new ReliantError("unavailable", "the store is away") });
    const results = await Promise.allSettled(["a", "b", "c"].map((item) => batches.do(item)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(alone).toEqual(["a"]);
  });

  test("no more wait than may", async () => {
    const { batches } = world({ maxWaiting: 1 });
    const results = await Promise.allSettled(["a", "b", "c"].map((item) => batches.do(item)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });
});
