import { expect, test } from "bun:test";
import { join } from "node:path";
import { takeDescriptors } from "../../src/chaos/descriptor-limit.ts";
import { openSmallDisk } from "../../src/chaos/small-disk.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const TIME = 60_000;
const PATH = process.env.PATH ?? "/usr/bin:/bin";

test(
  "a filled disk takes not one more byte from who lives on it, and takes it again when it is free",
  async () => {
    await using folder = await tempFolder("disk");
    await using disk = await openSmallDisk(folder.path);
    const write = async (name: string) => {
      const command = [...disk.wrap, "sh", "-c", 'printf x > "$1"', "sh", join(disk.path, name)];
      return Bun.spawn(command, { stdout: "ignore", stderr: "ignore", env: { PATH } }).exited;
    };
    expect(await write("before")).toBe(0);
    await disk.fill();
    expect(await write("during")).not.toBe(0);
    await disk.free();
    expect(await write("after")).toBe(0);
  },
  TIME,
);

test(
  "a process without file descriptors is held to that by the kernel, until they are given back",
  async () => {
    const sleeper = await ManagedProcess.start({ command: ["sleep", "60"], env: { PATH }, cwd: "/" });
    const limit = async () =>
      /^Max open files\s+(\S+)/m.exec(await Bun.file(`/proc/${sleeper.pid}/limits`).text())?.[1];
    try {
      const before = await limit();
      const giveBack = await takeDescriptors(sleeper.pid);
      expect(await limit()).toBe("3");
      await giveBack();
      expect(await limit()).toBe(before);
    } finally {
      await sleeper.stop("SIGKILL");
    }
  },
  TIME,
);
