import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFile, copyFile, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ownTarget } from "../../build.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { builtExecutable, type CommandOutcome } from "../support/executable.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const SCRIPT = join(import.meta.dir, "../../install.sh");
const NAME = `reliant-${ownTarget()}`;

describe("install.sh", () => {
  let program: string;
  let folder: TempFolder;
  let release: string;
  let prefix: string;

  beforeAll(async () => {
    program = await builtExecutable();
  }, 300_000);

  async function freshFolders(): Promise<void> {
    await folder?.remove();
    folder = await tempFolder("install");
    release = join(folder.path, "release");
    prefix = join(folder.path, "prefix");
    await mkdir(release);
    await copyFile(program, join(release, NAME));
    const sum = new Bun.CryptoHasher("sha256").update(await Bun.file(program).bytes()).digest("hex");
    await Bun.write(join(release, "SHA256SUMS"), `${"0".repeat(64)}  reliant-other\n${sum}  ${NAME}\n`);
  }
  afterAll(() => folder.remove());

  async function install(args: readonly string[], script = SCRIPT): Promise<CommandOutcome> {
    const run = await ManagedProcess.start({
      command: ["sh", script, ...args],
      env: { PATH: process.env.PATH ?? "", HOME: join(folder.path, "home") },
      cwd: folder.path,
    });
    const { code } = await run.awaitExit();
    return { code, stdout: run.stdout, stderr: run.stderr };
  }
  const installed = () => readdir(join(prefix, "bin")).catch(() => []);

  test("installs from a folder of release files, and says what is missing on PATH", async () => {
    await freshFolders();
    const run = await install(["--from", release, "--prefix", prefix]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain(`as ${prefix}/bin/reliant\n`);
    expect(run.stdout).toContain("is not on PATH");
    expect(await installed()).toEqual(["reliant"]);
    const again = Bun.spawn([join(prefix, "bin/reliant"), "version"], { stdout: "pipe" });
    expect(await again.stdout.text()).toStartWith("reliant ");
  });

  test("replaces an installed one while that runs", async () => {
    await freshFolders();
    await install(["--from", release, "--prefix", prefix]);
    const running = await ManagedProcess.start({
      command: [join(prefix, "bin/reliant"), "-e", "console.log('up'); setInterval(() => {}, 1000)"],
      env: { BUN_BE_BUN: "1" },
      cwd: folder.path,
    });
    await running.awaitOutput(/up/);
    expect((await install(["--from", release, "--prefix", prefix])).code).toBe(0);
    expect(running.isRunning).toBe(true);
    await running.kill9();
    expect(await installed()).toEqual(["reliant"]);
  });

  test("goes to ~/.local/bin where nothing else is said", async () => {
    await freshFolders();
    expect((await install([`--from=${release}`])).code).toBe(0);
    expect(await readdir(join(folder.path, "home/.local/bin"))).toEqual(["reliant"]);
  });

  test("installs from a checkout whose executable is built", async () => {
    await freshFolders();
    const checkout = join(folder.path, "check out");
    await mkdir(join(checkout, "dist"), { recursive: true });
    await copyFile(SCRIPT, join(checkout, "install.sh"));
    await Bun.write(join(checkout, "build.ts"), "");
    await symlink(program, join(checkout, "dist/reliant"));
    const run = await install(["--prefix", prefix], join(checkout, "install.sh"));
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(await installed()).toEqual(["reliant"]);
  });

  test("installs nothing where the file is not the one that was summed", async () => {
    await freshFolders();
    await appendFile(join(release, NAME), "x");
    const run = await install(["--from", release, "--prefix", prefix]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain(`${release}/${NAME} is not the file that SHA256SUMS names`);
    expect(await installed()).toEqual([]);
  });

  test("installs nothing where the file does not run, and leaves no part of it", async () => {
    await freshFolders();
    const broken = "#!/bin/sh\nexit 1\n";
    await Bun.write(join(release, NAME), broken);
    const sum = new Bun.CryptoHasher("sha256").update(broken).digest("hex");
    await Bun.write(join(release, "SHA256SUMS"), `${sum}  ${NAME}\n`);
    const run = await install(["--from", release, "--prefix", prefix]);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("does not run on this machine") });
    expect(await installed()).toEqual([]);
  });

  const faults: readonly { what: string; break: () => Promise<unknown>; says: string }[] = [
    { what: "no SHA256SUMS", break: () => rm(join(release, "SHA256SUMS")), says: "SHA256SUMS: no such file" },
    { what: "no line for it", break: () => Bun.write(join(release, "SHA256SUMS"), "\n"), says: "has no line for" },
    { what: "no executable", break: () => rm(join(release, NAME)), says: `${NAME}: no such file` },
    { what: "no folder", break: () => rm(release, { recursive: true }), says: "release: no such folder" },
    { what: "a file in the way", break: () => Bun.write(prefix, "in the way"), says: "choose another with --prefix" },
  ];
  for (const fault of faults) {
    test(`says what is wrong: ${fault.what}`, async () => {
      await freshFolders();
      await fault.break();
      const run = await install(["--from", release, "--prefix", prefix]);
      expect(run).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(fault.says) });
    });
  }

  test("shows its usage, and exits with 2 for an argument that it does not know", async () => {
    await freshFolders();
    expect(await install(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("Usage: install.sh") });
    const run = await install(["--form", release]);
    expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("unknown argument: --form") });
    expect(await install(["--from"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--from needs a folder"),
    });
  });

  test("read from a pipe, without a folder, says that one is needed", async () => {
    await freshFolders();
    const run = await ManagedProcess.start({
      command: ["sh"],
      env: { PATH: process.env.PATH ?? "", HOME: folder.path },
      cwd: folder.path,
      stdin: await Bun.file(SCRIPT).text(),
    });
    expect((await run.awaitExit()).code).toBe(1);
    expect(run.stderr).toContain("give a folder of release files with --from DIR");
  });
});
