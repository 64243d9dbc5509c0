import { describe, expect, test } from "bun:test";
import { chosenFaults, type Means, notPossible, rotation } from "../../../src/chaos/fault-choice.ts";
import { FAULTS } from "../../../src/chaos/faults.ts";
import { seededRandom } from "../../../src/chaos/seeded-random.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LINK_NAMES } from "../../../src/stack/links.ts";

const ALL: Means = { wholeStack: true, noSmallDisk: undefined, noPrlimit: undefined, noProxies: undefined };
const names = FAULTS.map(({ name }) => name);

function thrownBy(act: () => unknown): ReliantError {
  try {
    act();
  } catch (error) {
    if (error instanceof ReliantError) return error;
  }
  throw new Error("it threw none of our errors");
}

function fault(name: string) {
  const [found] = chosenFaults([name]);
  if (found === undefined) throw new Error(`no fault ${name}`);
  return found;
}

describe("the table of faults", () => {
  test("has each process killed, frozen for 10 s and terminated", () => {
    for (const role of ["api", "worker", "gateway", "daemon"]) {
      expect(names).toEqual(expect.arrayContaining([`kill-${role}`, `freeze-${role}`, `terminate-${role}`]));
      expect(fault(`freeze-${role}`).lasts).toBe(10_000);
    }
  });

  test("has each server killed and back, and away", () => {
    for (const server of ["nats", "postgres", "temporal"]) {
      expect(names).toEqual(expect.arrayContaining([`kill-${server}`, `away-${server}`]));
      expect(fault(`away-${server}`).lasts).toBe("away");
    }
  });

  test("has each link cut, and each of Toxiproxy's ways to harm it", () => {
    const harms = ["cut", "latency", "bandwidth", "reset", "slicer", "timeout"];
    const links = LINK_NAMES.flatMap((link) => harms.map((harm) => `${harm}-${link}`));
    expect(links).toHaveLength(60);
    expect(names).toEqual(expect.arrayContaining(links));
  });

  test("has a full disk and no file descriptors at a daemon", () => {
    expect(names).toEqual(expect.arrayContaining(["full-disk-daemon", "no-fds-daemon"]));
  });

  test("says whose calls each may cost: nobody's where others take over or no call goes through it", () => {
    for (const free of ["kill-api", "kill-worker", "terminate-gateway", "away-temporal", "cut-client-api"]) {
      expect([free, fault(free).costs]).toEqual([free, "none"]);
    }
    for (const own of ["kill-daemon", "terminate-daemon", "full-disk-daemon", "no-fds-daemon"]) {
      expect([own, fault(own).costs]).toEqual([own, "hit"]);
    }
    for (const common of ["kill-gateway", "freeze-gateway", "away-nats", "kill-postgres", "cut-daemon-gateway"]) {
      expect([common, fault(common).costs]).toEqual([common, "all"]);
    }
    const links = LINK_NAMES.map((link) => [link, fault(`timeout-${link}`).costs] as const);
    expect(links.filter(([, costs]) => costs === "none").map(([link]) => link)).toEqual([
      ...(["api-postgres", "api-nats", "api-temporal", "worker-temporal", "client-api"] as const),
    ]);
  });

  test("names each fault once", () => {
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the choice of faults", () => {
  test("is all of them where none is named", () => {
    expect(chosenFaults([])).toEqual(FAULTS);
  });

  test("takes names and stars, each fault once", () => {
    const chosen = chosenFaults(["kill-*", "kill-api", "*-client-api"]).map(({ name }) => name);
    expect(chosen).toContain("kill-postgres");
    expect(chosen).toContain("slicer-client-api");
    expect(chosen).not.toContain("freeze-api");
    expect(chosen.filter((name) => name === "kill-api")).toHaveLength(1);
  });

  test("refuses a name that nothing has, and says what there is", () => {
    const choose = () => chosenFaults(["kill-api", "kil-worker", "a.i"]);
    expect(choose).toThrow(ReliantError);
    expect(choose).toThrow("there is no fault kil-worker, a.i");
    const hint = thrownBy(choose).hint ?? "";
    // For a terminal: no line is wide, and each name stands in one.
    expect(Math.max(...hint.split("\n").map(({ length }) => length))).toBeLessThan(100);
    expect(hint.split(/\s+/).slice(2).toSorted()).toEqual(names.toSorted());
  });
});

describe("a rotation", () => {
  test("has every fault once, in an order that follows from the seed", () => {
    const order = (seed: number) => rotation(FAULTS, seededRandom(seed)).map(({ name }) => name);
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect(order(1).toSorted()).toEqual(names.toSorted());
  });
});

describe("what is not possible", () => {
  test("is nothing on a whole stack with all means", () => {
    expect(FAULTS.filter((one) => notPossible(one, ALL) !== undefined)).toEqual([]);
  });

  test("on somebody's stack is all but what a client can make", () => {
    const means = { ...ALL, wholeStack: false };
    const possible = FAULTS.filter((one) => notPossible(one, means) === undefined).map(({ name }) => name);
    expect(possible.toSorted()).toEqual(
      names.filter((name) => name.endsWith("-daemon") || /-(daemon-gateway|client-api)$/.test(name)).toSorted(),
    );
    expect(notPossible(fault("kill-worker"), means)).toContain("--stack local");
  });

  test("says why, where the machine lacks something", () => {
    expect(notPossible(fault("full-disk-daemon"), { ...ALL, noSmallDisk: "no namespaces" })).toBe("no namespaces");
    expect(notPossible(fault("no-fds-daemon"), { ...ALL, noPrlimit: "no prlimit" })).toBe("no prlimit");
    expect(notPossible(fault("cut-client-api"), { ...ALL, noProxies: "TLS" })).toBe("TLS");
    expect(notPossible(fault("kill-daemon"), { ...ALL, noPrlimit: "no prlimit", noProxies: "TLS" })).toBeUndefined();
  });
});
