import { describe, expect, test } from "bun:test";
import { chosenFaults, type Means, notPossible, rotation } from "../../../src/chaos/fault-choice.ts";
import { FAULTS } from "../../../src/chaos/faults.ts";
import { seededRandom } from "../../../src/chaos/seeded-random.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LINK_NAMES } from "../../../src/stack/links.ts";

const ALL: Means = { wholeStack: true, noSmallDisk: undefined, noPrlimit: undefined, noProxies: undefined };
const names = FAULTS.map(({ name }) => name);

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
