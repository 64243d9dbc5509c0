import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { BOUNDS } from "../support/bounds.ts";
import { copyCheckout } from "../support/checkout.ts";
import { eventually } from "../support/eventually.ts";
import { commandsOf } from "../support/readme-commands.ts";
import { serverProgram } from "../support/server-programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const README = join(import.meta.dir, "../../README.md");
const RUN_MS = 4 * 60_000;
/** Where a command fails, what the ones before it have started is ended. */
const END_ALL = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT";
/** In a network of its own the usual ports are free, whatever else runs here. */
const OWN_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

describe("README.md, followed word by word", () => {
  let folder: TempFolder;

  beforeAll(async () => {
    folder = await tempFolder("readme");
    // Postgres, which refuses root, runs as another user below it.
    await chmod(folder.path, 0o711);
    await copyCheckout(join(folder.path, "reliant"));
    // Got beforehand, as the network of the test's own leads nowhere.
    await Promise.all([serverProgram("nats-server"), serverProgram("temporal")]);
    const install = await start(folder, ["npm", "run", "--silent", "bootstrap"]);
    expect((await install.awaitExit(RUN_MS)).code, install.newestOutput()).toBe(0);
  }, RUN_MS);
  afterAll(() => folder.remove());

  test(
    "starts every role on one machine, runs an agent there, and stops it all",
    async () => {
      const commands = commandsOf(await Bun.file(README).text(), "distributed");
      const run = await start(folder, [...(await ownNetwork()), "bash", "-e", "-c", `${END_ALL}\n${commands}`]);
      const status = await run.awaitExit(RUN_MS - BOUNDS.stopMs);
      expect(status.code, `${run.newestOutput()}\n${await logsIn(folder.path)}`).toBe(0);
      expect(run.stdout).toContain("connected as dmn_");
      expect(run.stdout).toContain("✗ shell failed");
      expect(run.stdout).toContain("✓ edit_file done");
      expect(run.stdout).toEndWith("it now returns the price with the tax.\n");
      await eventually("all of it to have ended", async () => (await processesIn(folder.path)) === "");
    },
    RUN_MS,
  );
});

/** In the copied checkout, as a user who has nothing but npm and warm caches. */
function start(folder: TempFolder, command: readonly string[]): Promise<ManagedProcess> {
  const { PATH = "", XDG_CACHE_HOME = join(homedir(), ".cache") } = process.env;
  const path = PATH.split(":").filter((part) => !part.includes("node_modules"));
  return ManagedProcess.start({
    command,
    cwd: join(folder.path, "reliant"),
    env: {
      PATH: path.join(":"),
      HOME: folder.path,
      TMPDIR: folder.path,
      LANG: "C.UTF-8",
      XDG_CACHE_HOME,
      npm_config_cache: process.env.npm_config_cache ?? join(homedir(), ".npm"),
      npm_config_prefer_offline: "true",
      BUN_INSTALL_CACHE_DIR: process.env.BUN_INSTALL_CACHE_DIR ?? join(homedir(), ".bun/install/cache"),
    },
    folder: folder.path,
  });
}

async function ownNetwork(): Promise<readonly string[]> {
  const run = Bun.spawn([...OWN_NETWORK, "true"], { stdout: "ignore", stderr: "ignore" });
  return (await run.exited) === 0 ? OWN_NETWORK : [];
}

async function logsIn(path: string): Promise<string> {
  const names = await Array.fromAsync(new Bun.Glob("{tmp.*,reliant}/*.{log,err}").scan(path));
  const texts = await Promise.all(names.map((name) => Bun.file(join(path, name)).text()));
  return names.map((name, index) => `--- ${name}\n${texts[index]?.slice(-2000)}`).join("\n");
}

/** The command lines of what runs and names the folder. */
async function processesIn(path: string): Promise<string> {
  const ps = Bun.spawn(["ps", "-eo", "args="], { stdout: "pipe" });
  const lines = (await ps.stdout.text()).split("\n");
  return lines.filter((line) => line.includes(path)).join("\n");
}
