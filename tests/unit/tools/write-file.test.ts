import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { toolBench } from "../../support/tool-bench.ts";

describe("write_file", () => {
  test("makes a file and its folders", async () => {
    await using bench = await toolBench();
    const result = await bench.run("write_file", { path: "a/b/c.txt", content: "one\ntwo\n" });
    expect(result).toEqual({ text: "Made a/b/c.txt: 2 lines, 8 bytes.", isError: false });
    expect(await bench.read("a/b/c.txt")).toBe("one\ntwo\n");
  });

  test("replaces a file and keeps its mode, leaving nothing beside it", async () => {
    await using bench = await toolBench();
    await bench.files({ "run.sh": "old, and longer" });
    await chmod(join(bench.root, "run.sh"), 0o750);
    const result = await bench.run("write_file", { path: "run.sh", content: "new" });
    expect(result.text).toBe("Replaced run.sh: 1 line, 3 bytes.");
    expect(await bench.read("run.sh")).toBe("new");
    expect((await stat(join(bench.root, "run.sh"))).mode & 0o777).toBe(0o750);
    expect(await readdir(bench.root)).toEqual(["run.sh"]);
  });

  test("writes to where a link leads, and keeps the link", async () => {
    await using bench = await toolBench();
    await bench.files({ "real.txt": "old" });
    await symlink("real.txt", join(bench.root, "link.txt"));
    await bench.run("write_file", { path: "link.txt", content: "new" });
    expect(await readlink(join(bench.root, "link.txt"))).toBe("real.txt");
    expect(await bench.read("real.txt")).toBe("new");
  });

  test("writes nothing outside, through no link", async () => {
    await using bench = await toolBench();
    await symlink(bench.outside, join(bench.root, "way-out"));
    await symlink(join(bench.outside, "new.txt"), join(bench.root, "file-out"));
    for (const path of ["../outside/x.txt", "way-out/x.txt", "way-out/deep/x.txt", "file-out", "/tmp/../x.txt"]) {
      expect(await bench.run("write_file", { path, content: "x" })).toMatchObject({ isError: true });
    }
    expect(await readdir(bench.outside)).toEqual([]);
  });

  test("refuses folders, pipes, and folders that are files", async () => {
    await using bench = await toolBench();
    await bench.files({ "a.txt": "a" });
    await mkdir(join(bench.root, "sub"));
    Bun.spawnSync(["mkfifo", join(bench.root, "pipe")]);
    const write = async (path: string) => {
      const result = await bench.run("write_file", { path, content: "x" });
      expect(result.isError).toBe(true);
      return result.text;
    };
    expect(await write("sub")).toContain("is a folder");
    expect(await write("new/")).toContain("ends like a folder");
    expect(await write("pipe")).toContain("a named pipe");
    expect(await write("a.txt/b.txt")).toContain("cannot be made");
    expect(await write("a\0b")).toContain("NUL");
    expect((await readdir(bench.root)).sort()).toEqual(["a.txt", "pipe", "sub"]);
  });

  test("writes nothing where it is aborted", async () => {
    await using bench = await toolBench();
    const signal = AbortSignal.abort();
    expect(await bench.run("write_file", { path: "a.txt", content: "x" }, { signal })).toMatchObject({ isError: true });
    expect(await readdir(bench.root)).toEqual([]);
  });
});
