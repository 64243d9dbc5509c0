import { describe, expect, test } from "bun:test";
import { resolve } from "../../../src/config/resolve.ts";
import { hostWith } from "../config/setting-texts.ts";

const SERVER = { RELIANT_SERVER: "https://api.example" };

describe("the stack that is measured", () => {
  test("is its own with --stack local, though a variable names the server of every day", () => {
    const { faults, values } = resolve("bench", ["--stack", "local"], hostWith(SERVER));
    expect(faults).toEqual([]);
    expect(values.get("benchStack")).toBe("local");
  });

  test("cannot be its own and one by address, where flags name both", () => {
    expect(resolve("bench", ["--stack", "local", "--server", "https://api.example"], hostWith({})).faults).toEqual([
      "--stack starts a stack of its own: leave --server out, or --stack",
    ]);
  });

  test("is soaked for as long as --duration says, and no default hides that it was given", () => {
    expect(resolve("bench", ["--duration", "30m"], hostWith({})).values.get("soakMs")).toBe(30 * 60_000);
    expect(resolve("bench", [], hostWith({})).values.has("soakMs")).toBe(false);
  });
});
