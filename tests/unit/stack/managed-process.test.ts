import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ManagedProcess } from "../../../src/stack/managed-process.ts";
import { eventually } from "../../support/eventually.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const PROOF = join(import.meta.dir, "../../support/leash-proof.ts");

/** True while a process of the group runs; one that has ended and waits for its parent to notice does not count. */
async function groupIsAlive(leader: number): Promise<boolean> {
  const run = Bun.spawn(["ps", "-eo", "pgid=,stat="], { stdout: "pipe" });
  const rows = (await run.stdout.text()).trim().split("\n");
  return rows.some((row) => {
    const [group, state = ""] = row.trim().split(/\s+/);
    return Number(group) === leader && !state.startsWith("Z");
  });
}

/** The kernel ends the children of a group a moment after their leader. */
function groupIsGone(leader: number): Promise<true> {
  return eventually("the group to be gone", async () => !(await groupIsAlive(leader)), { timeoutMs: 5000 });
}

async function start(script: string): Promise<ManagedProcess> {
  return ManagedProcess.start({ command: ["/bin/sh", "-c", script], env: { PATH: "/usr/bin:/bin" }, cwd: "/" });
}

describe("a program that a test starts", () => {
  for (const way of ["throw", "exit", "SIGKILL", "SIGTERM"] as const) {
    test(`ends, with its children, when the test's process ends by ${way}`, async () => {
      const parent = Bun.spawn([process.execPath, PROOF, way], { stdout: "pipe", stderr: "ignore" });
      const { value } = await parent.stdout.getReader().read();
      const leader = Number(new TextDecoder().decode(value));
      expect(leader).toBeGreaterThan(1);
      if (way === "SIGKILL" || way === "SIGTERM") parent.kill(way);
      await parent.exited;
      await groupIsGone(leader);
    });
  }

  test("is killed with its children", async () => {
    const started = await start("sleep 300 & echo ready; sleep 300");
    await started.awaitOutput(/ready/);
    await started.kill9();
    await groupIsGone(started.pid);
  });

  test("stops cleanly where it answers SIGTERM with exit code 0", async () => {
    const started = await start("trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    await started.awaitOutput(/ready/);
    await started.stopCleanly();
    expect(started.isRunning).toBe(false);
  });

  test("does not stop cleanly where its exit code is another, and its output is told", async () => {
    const started = await start("trap 'echo lost >&2; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    await started.awaitOutput(/ready/);
    await expect(started.stopCleanly()).rejects.toThrow(/exit code 3[\s\S]*lost/);
    await started.exited;
  });

  test("is killed where it does not stop within the bound", async () => {
    const started = await start("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    await started.awaitOutput(/ready/);
    await expect(started.stopCleanly(200)).rejects.toThrow(/not within 200 ms, killed/);
    expect(await started.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("freezes and goes on", async () => {
    const started = await start("i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.01; done");
    await started.awaitOutput(/tick 2/);
    started.pause();
    // D: it waits for a child that was stopped between its birth and its program.
    await eventually("the state to be stopped", async () => /[TD]/.test(await stateOf(started.pid)));
    const seen = started.stdout.length;
    started.resume();
    await eventually("more ticks", () => started.stdout.length > seen);
    await started.kill9();
  });

  test("that ends while it is waited for fails the wait at once, with its output", async () => {
    const started = await start("echo broken >&2; exit 7");
    await expect(started.awaitOutput(/never/)).rejects.toThrow(/exit code 7[\s\S]*broken/);
    await started.exited;
  });

  test("is killed where its start fails", async () => {
    const started = await start("sleep 300 & sleep 300");
    const ready = started.awaitOutput(/never/, 100);
    await expect(started.killedUnless(ready)).rejects.toThrow(/sh: output \/never\/: not within 100 ms/);
    await groupIsGone(started.pid);
  });

  test("ends the wait for it with the signal's reason", async () => {
    const started = await start("sleep 300");
    const controller = new AbortController();
    const waiting = started.awaitOutput(/never/, 60_000, controller.signal);
    controller.abort(new Error("interrupted"));
    await expect(waiting).rejects.toThrow("interrupted");
    await started.kill9();
  });

  test("writes what it says to its log, too", async () => {
    await using folder = await tempFolder("log");
    const logFile = join(folder.path, "logs/it.log");
    const command = ["/bin/sh", "-c", "echo out; echo err >&2"];
    const started = await ManagedProcess.start({ command, env: {}, cwd: "/", logFile });
    await started.exited;
    expect((await Bun.file(logFile).text()).split("\n").sort()).toEqual(["", "err", "out"]);
    expect([started.stdout, started.stderr]).toEqual(["out\n", "err\n"]);
  });

  test("that does not exist is an error that names it", async () => {
    const starting = ManagedProcess.start({ command: ["/nowhere/program"], env: {}, cwd: "/" });
    await expect(starting).rejects.toThrow(/start \/nowhere\/program/);
  });
});

async function stateOf(pid: number): Promise<string> {
  const run = Bun.spawn(["ps", "-o", "stat=", "-p", String(pid)], { stdout: "pipe" });
  return (await run.stdout.text()).trim().slice(0, 1);
}
