import { describe, expect, test } from "bun:test";
import { Batches, HeldUp } from "../../../src/core/batches.ts";
import { type ErrorCode, ReliantError } from "../../../src/core/errors.ts";
import { settle } from "../../support/manual-clock.ts";

interface World {
  readonly batches: Batches<string, string>;
  readonly together: string[][];
  readonly alone: string[];
  /** Most that were done alone at the same time. */
  readonly most: () => number;
  /** What was done behind something, together. */
  readonly behind: [string, string[]][];
  /** Lets those that are held up be done. */
  release(): void;
}

interface Over {
  readonly fail?: unknown;
  readonly maxWaiting?: number;
  readonly shared?: boolean;
  /** Results that a batch answers at most. */
  readonly answers?: number;
  /** Those with an `h` are held up, those with a `u` by what comes after it, until `release`; so many are done aside at once. */
  readonly maxAside?: number;
  /** What is thrown where some are done together behind something. */
  readonly failBehind?: unknown;
  readonly throwAlone?: (item: string) => Promise<string>;
}

/** Items are of one key where they begin with the same letter; those with an `x` cannot be done. */
function world(over: Over = {}): World {
  const [together, alone]: [string[][], string[]] = [[], []];
  const behind: [string, string[]][] = [];
  let [now, most] = [0, 0];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const batches = new Batches<string, string>({
    ...{ act: "test", maxItems: 3, maxWaiting: over.maxWaiting ?? 100, maxAlone: 2 },
    ...(over.maxAside === undefined ? {} : { maxAside: over.maxAside }),
    ...{ keyOf: (item) => item.slice(0, 1), shared: over.shared ?? false },
    together: async (items) => {
      together.push([...items]);
      if (over.fail !== undefined) throw over.fail;
      return items.map(answerTogether).slice(0, over.answers);
    },
    togetherBehind: async (by, items) => {
      behind.push([by, [...items]]);
      await released;
      if (over.failBehind !== undefined) throw over.failBehind;
      return items.map((item) => (item.includes("h") ? new HeldUp() : `${item}?`));
    },
    // Not async: what is thrown is thrown at once.
    alone:
      over.throwAlone ??
      (async (item) => {
        alone.push(item);
        now++;
        most = Math.max(most, now);
        await (item.includes("h") ? released : settle());
        now--;
        if (item.startsWith("x")) throw new ReliantError("not_found", item);
        return `${item}.`;
      }),
  });
  return { batches, together, alone, behind, most: () => most, release };
}

function answerTogether(item: string): string | HeldUp {
  const by = /u(\d)/.exec(item)?.[1];
  if (by !== undefined) return new HeldUp(by);
  return item.includes("h") ? new HeldUp() : `${item}!`;
}

const statusOf = (results: readonly PromiseSettledResult<string>[]) => results.map(({ status }) => status);

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
        ["e", "b2"],
      ],
      ["a"],
    ]);
  });

  test("a key that comes often holds up only itself", async () => {
    const { batches, together } = world();
    const often = Array.from({ length: 20 }, (_, index) => `a${index}`);
    await Promise.all([...often, "b", "c", "d", "e"].map((item) => batches.do(item)));
    expect(together.slice(0, 2)).toEqual([
      ["a1", "b", "c"],
      ["d", "e", "a2"],
    ]);
  });

  test("one that is held up is done aside, also the first, and what comes after it comes after it", async () => {
    const { batches, alone, together, most, release } = world({ maxAside: 1 });
    const held = Promise.all(["ah", "a", "bh"].map((item) => batches.do(item)));
    expect(await Promise.all(["c", "d", "e"].map((item) => batches.do(item)))).toEqual(["c!", "d!", "e!"]);
    expect(alone).toEqual(["ah"]);
    release();
    expect(await held).toEqual(["ah.", "a!", "bh."]);
    expect([most(), together.flat().filter((item) => item.startsWith("a"))]).toEqual([1, ["a"]]);
  });

  test("those that one thing holds up are done together behind it, in one place, and others aside beside them", async () => {
    const { batches, alone, behind, release } = world({ maxAside: 2 });
    const items = ["a", "bu1", "cu1", "du2", "e", "fu1", "gu1", "iu1"];
    const results = Promise.all(items.map((item) => batches.do(item)));
    expect(await batches.do("z")).toStartWith("z");
    await settle();
    expect(behind.map(([by]) => by).sort()).toEqual(["1", "2"]);
    release();
    expect(await results).toEqual(["a.", "bu1?", "cu1?", "du2?", "e!", "fu1?", "gu1?", "iu1?"]);
    expect(behind.filter(([by]) => by === "1").flatMap(([, group]) => group)).toEqual([
      "bu1",
      "cu1",
      "fu1",
      "gu1",
      "iu1",
    ]);
    expect(behind.every(([, group]) => group.length <= 3)).toBe(true);
    expect(alone).toEqual(["a"]);
  });

  test("one that something else holds up as well is done alone after that, and what comes after it comes after it", async () => {
    const { batches, alone, release } = world({ maxAside: 2 });
    const results = Promise.all(["a", "bu1h", "cu1", "b"].map((item) => batches.do(item)));
    release();
    expect(await results).toEqual(["a.", "bu1h.", "cu1?", "b."]);
    expect(alone).toEqual(["a", "bu1h", "b"]);
    expect(await Promise.all(["b1", "b2"].map((item) => batches.do(item)))).toEqual(["b1.", "b2."]);
  });

  test.each([
    ["conflict", ["bu1.", "cu1."]],
    ["unavailable", ["unavailable", "unavailable"]],
  ] as const)("where those behind one thing fail (%s), it is as in a batch", async (code, answers) => {
    const { batches, release } = world({ maxAside: 2, failBehind: new ReliantError(code, "one of them") });
    const results = Promise.all(
      ["a", "bu1", "cu1"].map((item) =>
        batches.do(item).catch((error) => (error instanceof ReliantError ? error.code : error)),
      ),
    );
    release();
    expect(await results).toEqual(["a.", ...answers]);
    const later = await Promise.all(["b", "c", "d"].map((item) => batches.do(item)));
    expect(later.map((answer) => answer.slice(0, 1))).toEqual(["b", "c", "d"]);
  });

  test.each([undefined, 1])("one that throws at once fails alone, and stops nothing (aside: %p)", async (maxAside) => {
    const { batches } = world({
      ...(maxAside === undefined ? {} : { maxAside }),
      throwAlone: () => {
        throw new Error("thrown at once");
      },
    });
    await expect(batches.do("a")).rejects.toThrow("thrown at once");
    await expect(batches.do("b")).rejects.toThrow("thrown at once");
    const results = await Promise.allSettled(["c", "d", "e"].map((item) => batches.do(item)));
    expect(statusOf(results)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  });

  test("what is held up counts among what waits", async () => {
    const { batches, release } = world({ maxAside: 1, maxWaiting: 2 });
    const held = ["ah", "bh"].map((item) => batches.do(item));
    await settle();
    expect(statusOf(await Promise.allSettled([batches.do("c")]))).toEqual(["rejected"]);
    release();
    expect(await Promise.all(held)).toEqual(["ah.", "bh."]);
    expect(await batches.do("c")).toBe("c.");
  });

  test("those that read the same share one answer", async () => {
    const { batches, together, alone } = world({ shared: true });
    const results = await Promise.all(["a", "b", "b", "b", "a", "c"].map((item) => batches.do(item)));
    expect(results).toEqual(["a.", "b!", "b!", "b!", "a!", "c!"]);
    expect([together, alone]).toEqual([[["b", "a", "c"]], ["a"]]);
  });

  test("those that share an answer share an error, and free their places", async () => {
    const { batches, alone } = world({ shared: true, maxWaiting: 3 });
    const first = await Promise.allSettled(["a", "x", "x", "x", "x"].map((item) => batches.do(item)));
    expect(statusOf(first)).toEqual(["fulfilled", "rejected", "rejected", "rejected", "rejected"]);
    expect(alone).toEqual(["a", "x"]);
    await settle();
    expect(await Promise.all(["a", "b", "c"].map((item) => batches.do(item)))).toEqual(["a.", "b!", "c!"]);
  });

  test.each(["not_found", "conflict"] as const)(
    "where one of a batch fails (%s), the others do not",
    async (code: ErrorCode) => {
      const { batches, most } = world({ fail: new ReliantError(code, "one of them") });
      const results = await Promise.allSettled(["a", "b", "x", "d"].map((item) => batches.do(item)));
      expect(statusOf(results)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
      expect(most()).toBe(2);
    },
  );

  test.each(["unavailable", "deadline_exceeded", "resource_exhausted"] as const)(
    "where all of them cannot be done now (%s), nobody asks for each alone",
    async (code: ErrorCode) => {
      const { batches, alone } = world({ fail: new ReliantError(code, "the store is away") });
      const results = await Promise.allSettled(["a", "b", "c"].map((item) => batches.do(item)));
      expect(statusOf(results)).toEqual(["fulfilled", "rejected", "rejected"]);
      expect(alone).toEqual(["a"]);
    },
  );

  test("one that a batch has no result for gets an error", async () => {
    const { batches } = world({ answers: 1 });
    const results = await Promise.allSettled(["a", "b", "c"].map((item) => batches.do(item)));
    expect(statusOf(results)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(results[2]).toMatchObject({ reason: { code: "internal", message: "test: a batch of 2 had 1 results" } });
  });

  test("one whose signal aborts while it waits is not done, and its place is free", async () => {
    const { batches, together, alone } = world({ maxWaiting: 2 });
    const leaves = new AbortController();
    const results = Promise.allSettled([
      batches.do("a", leaves.signal),
      batches.do("b", leaves.signal),
      batches.do("c"),
      batches.do("d", AbortSignal.abort()),
    ]);
    leaves.abort();
    const late = batches.do("e");
    expect(statusOf(await results)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect((await results)[1]).toMatchObject({ reason: { code: "cancelled" } });
    expect(await late).toBe("e!");
    expect([together, alone]).toEqual([[["c", "e"]], ["a"]]);
  });

  test("of those that share an answer one that leaves takes nobody along", async () => {
    const { batches } = world({ shared: true });
    const leaves = new AbortController();
    const results = Promise.allSettled([batches.do("a"), batches.do("b", leaves.signal), batches.do("b")]);
    leaves.abort();
    expect(statusOf(await results)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("no more wait than may", async () => {
    const { batches } = world({ maxWaiting: 1 });
    const results = await Promise.allSettled(["a", "b", "c"].map((item) => batches.do(item)));
    expect(statusOf(results)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });
});
