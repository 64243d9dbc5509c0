import { describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { SETTINGS } from "../../../src/config/settings.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { shellCommand } from "../../../src/tools/shell-command.ts";
import { toolEnvironment } from "../../../src/tools/tool-environment.ts";
import { eventually } from "../../support/eventually.ts";
import { toolBench } from "../../support/tool-bench.ts";

/** Processes whose command line has the text, those that have ended and wait to be noticed excepted. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return line.includes(text) ? [pid] : [];
    }),
  );
  return found.flat();
}

/** A number of seconds that no other sleep on this machine has. */
function ownSeconds(): string {
  return `30${Math.floor(Math.random() * 1e9)}`;
}

describe("shell", () => {
  test("gives output, exit code and counts", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "echo out; echo err >&2; pwd" });
    expect(result.isError).toBe(false);
    expect(result.text).toMatch(/^Exit code 0, \d+\.\d s\.\n/);
    expect(result.text).toContain(bench.root);
    expect(result.details).toMatchObject({
      exitCode: 0,
      signal: null,
      stdoutBytes: 5 + bench.root.length,
      stderrBytes: 4,
      outputFile: bench.outputFile,
    });
    expect(bench.live).toContainEqual({ channel: "stderr", text: "err\n" });
    expect(await Bun.file(bench.outputFile).text()).toContain("out\n");
  });

  test("says that a command failed", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "echo no; exit 3" });
    expect(result).toMatchObject({ isError: true, details: { exitCode: 3 } });
    expect(result.text).toContain("Exit code 3");
  });

  test("says that a command was ended by a signal", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "kill -SEGV $$" });
    expect(result).toMatchObject({ isError: true, details: { exitCode: null, signal: "SIGSEGV" } });
  });

  test("says that there was no output, and makes no file for none", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "true" });
    expect(result.text).toEndWith("(no output)");
    expect(result.details).toMatchObject({ outputFile: null });
    expect(await Bun.file(bench.outputFile).exists()).toBe(false);
  });

  test("runs in the folder that is named, inside of the project only", async () => {
    await using bench = await toolBench();
    await mkdir(join(bench.root, "sub"));
    await symlink(bench.outside, join(bench.root, "way-out"));
    expect((await bench.run("shell", { command: "pwd", workdir: "sub" })).text).toContain(join(bench.root, "sub"));
    for (const workdir of ["..", bench.outside, "way-out"]) {
      expect((await bench.run("shell", { command: "pwd", workdir })).text).toContain("outside of the folders");
    }
    expect((await bench.run("shell", { command: "pwd", workdir: "gone" })).text).toContain("There is no folder gone");
  });

  test("has no input, no terminal, and no secrets of ours", async () => {
    await using bench = await toolBench({
      environment: { ...process.env, RELIANT_TOKEN: "t0p", ANTHROPIC_API_KEY: "t0p", MINE: "kept" },
    });
    const result = await bench.run("shell", {
      command: 'cat; tty; echo "$TERM $MINE"; env; ps -o sid= -p $$; echo $$',
    });
    expect(result.text).toContain("not a tty");
    expect(result.text).toContain("dumb kept");
    expect(result.text).not.toContain("t0p");
    const [sid, pid] = result.text.trim().split("\n").slice(-2);
    expect(sid?.trim()).toBe(pid?.trim() ?? "");
  });

  test("returns when the command ends though a child holds its output, and leaves nothing behind", async () => {
    await using bench = await toolBench();
    const seconds = ownSeconds();
    const begun = performance.now();
    const result = await bench.run("shell", { command: `sleep ${seconds} & echo started` });
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(result.text).toContain("started");
    await eventually("the sleep to be gone", async () => (await processesWith(seconds)).length === 0);
  });

  test("leaves nothing behind that left its session", async () => {
    await using bench = await toolBench();
    const seconds = ownSeconds();
    const result = await bench.run("shell", { command: `setsid sleep ${seconds} & sleep 0.2; echo started` });
    expect(result.text).toContain("started");
    await eventually("the sleep to be gone", async () => (await processesWith(seconds)).length === 0);
  });

  test("ends the whole group when it is aborted, and gives what had come", async () => {
    await using bench = await toolBench();
    const seconds = ownSeconds();
    const cancel = new AbortController();
    const running = bench.run(
      "shell",
      { command: `echo begun; sleep ${seconds} & sleep ${seconds}` },
      { signal: cancel.signal },
    );
    await eventually("the command to begin", () => bench.live.length > 0);
    cancel.abort();
    const result = await running;
    expect(result).toMatchObject({ isError: true, details: { signal: "SIGTERM" } });
    expect(result.text).toContain("begun");
    await eventually("the sleeps to be gone", async () => (await processesWith(seconds)).length === 0);
  });

  test("kills a command that does not end when it is asked to", async () => {
    await using bench = await toolBench();
    const cancel = new AbortController();
    const running = bench.run(
      "shell",
      { command: "trap '' TERM; echo begun; while :; do sleep 0.1; done" },
      { signal: cancel.signal },
    );
    await eventually("the command to begin", () => bench.live.length > 0);
    const begun = performance.now();
    cancel.abort();
    expect(await running).toMatchObject({ details: { signal: "SIGKILL" } });
    expect(performance.now() - begun).toBeLessThan(LIMITS.shellGraceMs + 3000);
  });

  test("starts nothing where it was aborted before", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "touch made" }, { signal: AbortSignal.abort() });
    expect(result.isError).toBe(true);
    expect(await readdir(bench.root)).toEqual([]);
  });

  test("gives head, tail and counts of long output, and keeps the whole on disk", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "seq 1 100000" });
    expect(Buffer.byteLength(result.text)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(result.text).toContain("\n1\n2\n3\n");
    expect(result.text).toMatch(/\[… \d+ bytes, \d+ lines left out …\]/);
    expect(result.text).toEndWith("99999\n100000");
    expect(result.text).toContain(`The whole output is in ${bench.outputFile}.`);
    expect((await stat(bench.outputFile)).size).toBe(588_895);
    expect(result.details).toMatchObject({ stdoutBytes: 588_895 });
  });

  test("says that the output could not be kept, and goes on", async () => {
    await using bench = await toolBench();
    const result = await bench.run("shell", { command: "echo fine" }, { outputFile: "/nowhere/output.log" });
    expect(result.isError).toBe(false);
    expect(result.text).toContain("could not be kept");
    expect(result.text).toContain("fine");
  });

  test("leaves out terminal codes", async () => {
    await using bench = await toolBench();
    expect((await bench.run("shell", { command: "printf '\\033[31mred\\033[0m'" })).text).toEndWith("\nred");
  });

  test("refuses a command with NUL", async () => {
    await using bench = await toolBench();
    expect((await bench.run("shell", { command: "echo a\0b" })).text).toContain("NUL");
  });
});

describe("the variables of commands", () => {
  test("have none of the settings that are secret", () => {
    const secrets = Object.values(SETTINGS).flatMap((row) =>
      row.kind.name.startsWith("secret") && row.env !== undefined ? [row.env] : [],
    );
    expect(secrets).toContain("ANTHROPIC_API_KEY");
    const given = toolEnvironment(Object.fromEntries(secrets.map((name) => [name, "secret"])), "call_1");
    expect(Object.values(given)).not.toContain("secret");
  });

  test("do not change how programs made with Bun start", () => {
    const given = toolEnvironment({ BUN_OPTIONS: "--preload=x", BUN_BE_BUN: "1", BUN_INSTALL: "/b" }, "call_1");
    expect(given).toMatchObject({ BUN_INSTALL: "/b" });
    expect(Object.keys(given)).not.toContain("BUN_OPTIONS");
    expect(Object.keys(given)).not.toContain("BUN_BE_BUN");
  });
});

describe("the shell that is taken", () => {
  const having =
    (...programs: string[]) =>
    (name: string) =>
      programs.includes(name) ? `/bin/${name}` : null;
  for (const [platform, which, expected] of [
    ["linux", having("bash", "sh"), ["/bin/bash", "-c", "x"]],
    ["darwin", having("sh"), ["/bin/sh", "-c", "x"]],
    ["win32", having("powershell"), ["/bin/powershell", "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "x"]],
    ["win32", having(), ["cmd.exe", "/d", "/s", "/c", "x"]],
  ] as const) {
    test(`on ${platform} is ${expected[0]}`, () => {
      expect(shellCommand("x", platform, which)).toEqual([...expected]);
    });
  }
});
