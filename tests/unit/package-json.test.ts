import { describe, expect, test } from "bun:test";
import packageJson from "../../package.json";

describe("package.json", () => {
  test("gets the bun that it pins, wherever a script gets one", () => {
    const gotten = Object.values(packageJson.scripts).flatMap((script) => script.match(/\bbun@\S+/g) ?? []);
    expect(gotten).toEqual([`bun@${packageJson.devDependencies.bun}`]);
  });

  test("pins every dependency to one version", () => {
    const versions = Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });
});
