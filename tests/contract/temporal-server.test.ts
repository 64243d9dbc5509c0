import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { TemporalDevServer } from "../../src/engine/temporal/dev-server.ts";
import { TemporalConnection } from "../../src/engine/temporal/temporal-connection.ts";
import { eventually } from "../support/eventually.ts";
import { serverProgram } from "../support/server-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(120_000);

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const pidIn = async (folder: string) =>
  Number(await eventually("a process id", () => Bun.file(join(folder, "temporal.pid")).text()));

describe("a local Temporal server", () => {
  test("comes up with its namespace, comes back when it is killed, and ends with us", async () => {
    await using folder = await tempFolder("dev-server");
    const command = await serverProgram("temporal");
    const server = await TemporalDevServer.start({
      ...{ dataFolder: folder.path, namespace: "own", clock: systemClock, command },
    });
    const connection = TemporalConnection.open({ address: server.address, namespace: "own" }, systemClock);
    await connection.ready;
    const first = await pidIn(folder.path);
    process.kill(first, "SIGKILL");
    await eventually("another process", async () => (await pidIn(folder.path)) !== first);
    const answers = () => connection.check(AbortSignal.timeout(5000)).then(() => true);
    await eventually("it to answer again", answers);
    const second = await pidIn(folder.path);
    await connection.close();
    await server.close();
    expect(isAlive(second)).toBe(false);
    expect(await Bun.file(join(folder.path, "temporal.pid")).exists()).toBe(false);
  });

  test("ends the one that a killed process left behind, and nothing else", async () => {
    await using folder = await tempFolder("dev-server");
    const command = await serverProgram("temporal");
    const options = { dataFolder: folder.path, namespace: "own", clock: systemClock, command };
    const left = Bun.spawn(["sh", "-c", "while :; do sleep 1; done", join(folder.path, "temporal.db")], {
      detached: true,
    });
    const other = Bun.spawn(["sleep", "300"], { detached: true });
    await Bun.write(join(folder.path, "temporal.pid"), `${left.pid}\n`);
    await (await TemporalDevServer.start(options)).close();
    expect(await left.exited).not.toBe(0);
    await Bun.write(join(folder.path, "temporal.pid"), `${other.pid}\n`);
    await (await TemporalDevServer.start(options)).close();
    expect(isAlive(other.pid)).toBe(true);
    other.kill("SIGKILL");
  });

  test("says what to install where there is no temporal command", async () => {
    await using folder = await tempFolder("dev-server");
    const start = TemporalDevServer.start({
      ...{ dataFolder: folder.path, namespace: "own", clock: systemClock, command: join(folder.path, "temporal") },
    });
    await expect(start).rejects.toMatchObject({
      code: "failed_precondition",
      hint: expect.stringContaining("--temporal-host"),
    });
  });
});

describe("a connection to Temporal", () => {
  test("does not fail when Temporal is away at the start: it says so, and is ready when Temporal is there", async () => {
    await using folder = await tempFolder("dev-server");
    const command = await serverProgram("temporal");
    const server = await TemporalDevServer.start({
      ...{ dataFolder: folder.path, namespace: "own", clock: systemClock, command },
    });
    const { address } = server;
    await server.close();
    const connection = TemporalConnection.open({ address, namespace: "own" }, systemClock);
    await expect(connection.check(AbortSignal.timeout(5000))).rejects.toMatchObject({ code: "unavailable" });
    await connection.close();
    await expect(connection.ready).rejects.toMatchObject({ code: "unavailable" });
  });

  test("makes a namespace that is absent", async () => {
    await using folder = await tempFolder("dev-server");
    const command = await serverProgram("temporal");
    const server = await TemporalDevServer.start({
      ...{ dataFolder: folder.path, namespace: "own", clock: systemClock, command },
    });
    const connection = TemporalConnection.open({ address: server.address, namespace: "another" }, systemClock);
    await connection.ready;
    await eventually("the namespace", () => connection.check(AbortSignal.timeout(5000)).then(() => true));
    await connection.close();
    await server.close();
  });
});
