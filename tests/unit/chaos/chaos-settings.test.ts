import { describe, expect, test } from "bun:test";
import { resolve } from "../../../src/config/resolve.ts";
import { hostWith } from "../config/setting-texts.ts";

function faultsOf(env: Record<string, string>, ...argv: string[]): readonly string[] {
  return resolve("chaos", argv, hostWith(env)).faults;
}

describe("a stack of its own", () => {
  test("is not also somebody's, by address", () => {
    const [fault, ...others] = faultsOf({}, "--stack=local", "--server=http://api.example:8080");
    expect(fault).toContain("leave --server out, or --stack");
    expect(others).toEqual([]);
    expect(faultsOf({}, "--stack=local", "--gateway=http://gateway.example:9190")).toHaveLength(1);
  });

  test("goes beside a variable that names one: a flag beats a variable", () => {
    const env = { RELIANT_SERVER: "http://api.example:8080", RELIANT_TOKEN: "key" };
    expect(faultsOf(env, "--stack=local")).toEqual([]);
  });
});

test("a choice of faults that names none is refused; no choice is all of them", () => {
  expect(faultsOf({}, "--stack=local", "--faults=")).toEqual([expect.stringContaining("--faults names none")]);
  expect(faultsOf({}, "--stack=local", "--faults= , ")).toHaveLength(1);
  expect(faultsOf({}, "--stack=local")).toEqual([]);
});
