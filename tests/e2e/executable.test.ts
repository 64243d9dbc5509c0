import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ownTarget } from "../../build.ts";
import { version } from "../../package.json";
import { type EmptyRoot, makeEmptyRoot } from "../support/empty-root.ts";
import { builtExecutable, runExecutable } from "../support/executable.ts";
import { HOSTILE_PORT, makeHostileFolder } from "../support/hostile-folder.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const MIB = 1024 * 1024;
let program: string;
let alone: TempFolder;

beforeAll(async () => {
  alone = await tempFolder("alone");
  program = join(alone.path, "reliant");
  await copyFile(await builtExecutable(), program);
}, 300_000);
afterAll(() => alone.remove());

describe("the executable, copied into an empty folder", () => {
  test("tells version and target", async () => {
    const run = await runExecutable({ args: ["version"], program });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toStartWith(`reliant ${version} (`);
    expect(run.stdout).toContain(ownTarget());
  });

  test("tells version, commit, date, bun and target as JSON", async () => {
    const run = await runExecutable({ args: ["version", "--json"], program });
    const told = JSON.parse(run.stdout);
    expect(Object.keys(told).sort()).toEqual(["bun", "commit", "date", "target", "version"]);
    expect(told).toMatchObject({ version, bun: Bun.version, target: ownTarget() });
    expect(Date.parse(told.date)).toBeLessThanOrEqual(Date.now());
  });

  test("shows its commands", async () => {
    const run = await runExecutable({ args: ["--help"], program });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    for (const word of ["server", "daemon", "monolith", "run", "version"]) expect(run.stdout).toContain(word);
  });

  test("answers an unknown command with exit code 2 and a suggestion, on standard error", async () => {
    const run = await runExecutable({ args: ["versoin"], program });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("reliant version");
  });

  test("writes nothing into the folder it is started in", async () => {
    await using folder = await tempFolder("started-in");
    await runExecutable({ args: ["version"], program, folder: folder.path });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("is at most 165 MiB", async () => {
    expect((await stat(program)).size).toBeLessThanOrEqual(165 * MIB);
  });
});

describe("the executable, started in a hostile folder", () => {
  test("which would run its preload in plain bun", async () => {
    await using folder = await tempFolder("hostile");
    const hostile = await makeHostileFolder(folder.path);
    await Bun.write(join(folder.path, "harmless.ts"), "");
    const plain = Bun.spawn([process.execPath, "run", "harmless.ts"], { cwd: folder.path, stdout: "ignore" });
    await plain.exited;
    expect(await hostile.traces()).toEqual(["preload"]);
  });

  for (const args of [["version"], ["--help"], ["server", "api", "--help"], ["config", "--role", "api", "--json"]]) {
    test(`runs none of the folder's code: reliant ${args.join(" ")}`, async () => {
      await using folder = await tempFolder("hostile");
      const hostile = await makeHostileFolder(folder.path);
      await runExecutable({ args, program, folder: folder.path });
      expect(await hostile.traces()).toEqual([]);
    });
  }

  test("takes no setting from the folder's .env files", async () => {
    await using folder = await tempFolder("hostile");
    await makeHostileFolder(folder.path);
    const args = ["config", "--role", "api", "--json", "--db-url", "postgres://h/d", "--nats-url", "nats://h"];
    const quiet = await runExecutable({ args, program, folder: folder.path });
    expect(quiet.stdout).toContain("8080");
    expect(quiet.stdout).not.toContain(HOSTILE_PORT);
    const told = await runExecutable({ args, program, folder: folder.path, env: { API_PORT: HOSTILE_PORT } });
    expect(told.stdout).toContain(HOSTILE_PORT);
  });
});

/** What runs to its end in an empty root. The roles that keep running are in `empty-root.test.ts`. */
const IN_AN_EMPTY_ROOT: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: ["version"], says: new RegExp(`^reliant ${version} .*${ownTarget()}`) },
  { args: ["--help"], says: /Usage: reliant COMMAND/ },
  { args: ["config", "--role", "monolith"], says: /8080/ },
];

describe("the executable, in an empty root", () => {
  let folder: TempFolder;
  let root: EmptyRoot;

  beforeAll(async () => {
    folder = await tempFolder("root");
    root = await makeEmptyRoot(folder.path, program);
  });
  afterAll(() => folder.remove());

  for (const { args, says } of IN_AN_EMPTY_ROOT) {
    test(`runs reliant ${args.join(" ")}`, async () => {
      const run = await runExecutable({ root, args });
      expect(run.code, run.stderr).toBe(0);
      expect(run.stdout).toMatch(says);
    });
  }

  test("which has no source tree, no shell and no other program in it", async () => {
    expect((await readdir(folder.path)).sort()).toEqual(expect.arrayContaining(["proc", "reliant", "tmp"]));
    const files = await Array.fromAsync(new Bun.Glob("{bin,usr,lib,lib64,etc}/**/*").scan(folder.path));
    expect(files.filter((file) => !/\.so(\.\d+)*$|\.crt$|\.pem$/.test(file))).toEqual([]);
  });
});
