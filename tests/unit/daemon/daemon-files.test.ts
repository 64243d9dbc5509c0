import { describe, expect, test } from "bun:test";
import { mkdir, readdir, truncate, utimes } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { LogFile } from "../../../src/daemon/log-file.ts";
import { tailLog } from "../../../src/daemon/log-tail.ts";
import { OutputFiles } from "../../../src/daemon/output-files.ts";
import { findDaemonProcess, removePidFile, writePidFile } from "../../../src/daemon/pid-file.ts";
import { processMark } from "../../../src/daemon/process-mark.ts";
import { readGaveUp, readStatus, StatusWriter } from "../../../src/daemon/status-file.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("the PID file", () => {
  test("names this process while it runs", async () => {
    await using folder = await tempFolder("pid");
    const path = join(folder.path, "daemon.pid");
    expect(await findDaemonProcess(path)).toBeUndefined();
    await writePidFile(path);
    expect(await findDaemonProcess(path)).toBe(process.pid);
    await removePidFile(path);
    expect(await findDaemonProcess(path)).toBeUndefined();
  });

  test("of a process that has ended names none, though another one has its number now", async () => {
    await using folder = await tempFolder("pid");
    const path = join(folder.path, "daemon.pid");
    await Bun.write(path, JSON.stringify({ pid: process.pid, mark: "of another start" }));
    expect(await findDaemonProcess(path)).toBeUndefined();
  });

  test("that is damaged is an error", async () => {
    await using folder = await tempFolder("pid");
    const path = join(folder.path, "daemon.pid");
    await Bun.write(path, "123");
    await expect(findDaemonProcess(path)).rejects.toThrow(/names no process/);
  });

  test("knows a process by its start, and none that has ended", async () => {
    const child = Bun.spawn(["sleep", "300"]);
    const mark = await processMark(child.pid);
    expect(mark).toMatch(/^\d+$/);
    expect(await processMark(child.pid)).toBe(mark);
    child.kill("SIGKILL");
    await child.exited;
    expect(await processMark(child.pid)).toBeUndefined();
  });
});

describe("the status file", () => {
  const IDLE = { link: { kind: "connecting" }, openCalls: 0, runningCalls: 0, unknownFrames: 0 } as const;
  const CONNECTED = {
    link: { kind: "connected", epoch: 3, gatewayId: "gtw_1", daemonId: "dmn_1" },
    openCalls: 2,
    runningCalls: 1,
    unknownFrames: 3,
  } as const;

  test("says the last state, and belongs to one process", async () => {
    await using folder = await tempFolder("status");
    const path = join(folder.path, "status.json");
    const clock = new ManualClock();
    const writer = new StatusWriter(path, "http://gateway", clock);
    writer.take(IDLE);
    writer.take(CONNECTED);
    expect(await readStatus(path, process.pid)).toBeUndefined();
    await clock.advance(LIMITS.daemonStatusMs);
    const status = await eventually("the status", () => readStatus(path, process.pid));
    expect(status).toMatchObject({ ...CONNECTED, gateway: "http://gateway" });
    expect(await readStatus(path, process.pid + 1)).toBeUndefined();
    await writer.close();
  });

  test("is not written while nothing changes, nor after the end", async () => {
    await using folder = await tempFolder("status");
    const path = join(folder.path, "status.json");
    const clock = new ManualClock();
    const writer = new StatusWriter(path, "http://gateway", clock);
    writer.take(IDLE);
    await clock.advance(LIMITS.daemonStatusMs);
    const first = await eventually("the status", () => readStatus(path, process.pid));
    writer.take(IDLE);
    await clock.advance(LIMITS.daemonStatusMs * 10);
    expect(await readStatus(path, process.pid)).toEqual(first);
    writer.take(CONNECTED);
    await writer.close();
    await clock.advance(LIMITS.daemonStatusMs * 10);
    expect(await readStatus(path, process.pid)).toEqual(first);
  });

  test("says why the process gave up when it has ended, until another one says something", async () => {
    await using folder = await tempFolder("status");
    const path = join(folder.path, "status.json");
    const clock = new ManualClock();
    const writer = new StatusWriter(path, "http://gateway", clock);
    writer.take(CONNECTED);
    expect(await readGaveUp(path)).toBeUndefined();
    await writer.gaveUp(new ReliantError("unauthenticated", "stopped: no such token", { hint: "take another one" }));
    await writer.close();
    await clock.advance(LIMITS.daemonStatusMs * 10);
    const sinceMs = clock.now() - LIMITS.daemonStatusMs * 10;
    expect(await readGaveUp(path)).toEqual({ reason: "stopped: no such token", hint: "take another one", sinceMs });
    const next = new StatusWriter(path, "http://gateway", clock);
    next.take(IDLE);
    await clock.advance(LIMITS.daemonStatusMs);
    await eventually("the next one's status", async () => (await readGaveUp(path)) === undefined);
    await next.close();
  });

  test("that is damaged counts as none", async () => {
    await using folder = await tempFolder("status");
    await Bun.write(join(folder.path, "status.json"), "{");
    expect(await readStatus(join(folder.path, "status.json"), 1)).toBeUndefined();
  });
});

describe("the log", () => {
  test("is bounded: the oldest lines go", async () => {
    await using folder = await tempFolder("log");
    const path = join(folder.path, "logs", "daemon.log");
    const log = LogFile.open(path, 100);
    for (let line = 0; line < 100; line++) log.append(`line ${line}\n`);
    log.close();
    const names = (await readdir(join(folder.path, "logs"))).sort();
    expect(names).toEqual(["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]);
    const sizes = names.map((name) => Bun.file(join(folder.path, "logs", name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(await Bun.file(path).text()).toContain("line 99\n");
  });

  test("goes on where it ended", async () => {
    await using folder = await tempFolder("log");
    const path = join(folder.path, "daemon.log");
    for (const line of ["one\n", "two\n"]) {
      const log = LogFile.open(path);
      log.append(line);
      log.close();
    }
    expect(await Bun.file(path).text()).toBe("one\ntwo\n");
  });

  test("gives its last lines, whole", async () => {
    await using folder = await tempFolder("log");
    const path = join(folder.path, "daemon.log");
    await Bun.write(path, Array.from({ length: 5000 }, (_, line) => `line ${line}\n`).join(""));
    const signal = new AbortController().signal;
    const parts = await Array.fromAsync(tailLog(path, { follow: false, clock: systemClock, signal, lines: 3 }));
    expect(parts.join("")).toBe("line 4997\nline 4998\nline 4999\n");
  });

  test("is followed through its rotation, until it is enough", async () => {
    await using folder = await tempFolder("log");
    const path = join(folder.path, "daemon.log");
    const log = LogFile.open(path, 60);
    log.append("first\n");
    const enough = new AbortController();
    let seen = "";
    const following = (async () => {
      for await (const text of tailLog(path, { follow: true, clock: systemClock, signal: enough.signal })) seen += text;
    })();
    for (const number of [1, 2, 3]) {
      const line = `line ${number} ${"x".repeat(40)}\n`;
      log.append(line);
      await eventually(`line ${number}`, () => seen.includes(line));
    }
    enough.abort();
    await following;
    log.close();
    expect(seen.startsWith("first\n")).toBe(true);
  });

  test("that there is not is an error that says so", async () => {
    const signal = new AbortController().signal;
    const reading = Array.fromAsync(tailLog("/nowhere/daemon.log", { follow: false, clock: systemClock, signal }));
    await expect(reading).rejects.toThrow(/no log in \/nowhere\/daemon\.log/);
  });
});

describe("the outputs of tools", () => {
  test("go when they are old, or the oldest when they are too much, and never while they are in use", async () => {
    await using folder = await tempFolder("outputs");
    const outputs = await OutputFiles.open(join(folder.path, "outputs"));
    const nowMs = Date.now();
    const make = async (toolCallId: string, bytes: number, ageMs: number) => {
      await Bun.write(outputs.pathOf(toolCallId), "");
      await truncate(outputs.pathOf(toolCallId), bytes);
      const at = new Date(nowMs - ageMs);
      await utimes(outputs.pathOf(toolCallId), at, at);
    };
    await make("call_new", 40, 1000);
    await make("call_used", 50, 2000);
    await make("call_third", 50, 3000);
    await make("call_old", 1, LIMITS.journalKeepMs + 1000);
    await mkdir(join(folder.path, "outputs", "something.else"));
    await outputs.tidy(nowMs, new Set(["call_used"]), 100);
    expect((await readdir(join(folder.path, "outputs"))).sort()).toEqual([
      "call_new.log",
      "call_used.log",
      "something.else",
    ]);
  });
});
