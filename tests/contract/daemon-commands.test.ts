import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "../../src/core/ids.ts";
import { processMark } from "../../src/daemon/process-mark.ts";
import { Refused_Reason } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { eventually } from "../support/eventually.ts";
import { SmallGateway } from "../support/small-gateway.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(30_000);

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** The commands of a machine of its own: its home is a temporary folder. */
class Machine implements AsyncDisposable {
  private readonly started: ManagedProcess[] = [];

  private constructor(
    readonly folder: TempFolder,
    readonly gateway: SmallGateway,
  ) {}

  static async create(): Promise<Machine> {
    const folder = await tempFolder("machine");
    await mkdir(join(folder.path, "project"));
    return new Machine(folder, await SmallGateway.start());
  }

  get credentials(): string {
    return join(this.folder.path, ".config", "reliant", "auth", "reliant-daemon.json");
  }

  get policy(): string {
    return join(this.folder.path, ".config", "reliant", "daemon-policy.yaml");
  }

  async start(...args: string[]): Promise<ManagedProcess> {
    const { path } = this.folder;
    const started = await ManagedProcess.start({
      command: [process.execPath, MAIN, "daemon", ...args],
      env: { HOME: path, PATH: process.env.PATH ?? "" },
      cwd: path,
    });
    this.started.push(started);
    return started;
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const started = await this.start(...args);
    const { code } = await started.exited;
    return { code, out: started.stdout, err: started.stderr };
  }

  /** `daemon start` by hand, welcomed. */
  async connect(): Promise<ManagedProcess> {
    const index = this.gateway.connections.length;
    const daemon = await this.start("start", "--gateway", this.gateway.url, "--token", "rlnt_pat_1");
    (await this.gateway.connection(index)).welcome(index + 1);
    await daemon.awaitOutput(/connected/);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const started of this.started) if (started.isRunning) await started.kill9();
    await this.gateway[Symbol.asyncDispose]();
    await this.folder.remove();
  }
}

describe("reliant daemon", () => {
  test("start says what to do on a machine that is not registered", async () => {
    await using machine = await Machine.create();
    const { code, err } = await machine.run("start");
    expect(code).toBe(1);
    expect(err).toContain("this machine is not registered, and no --token is given");
    expect(err).toContain("reliant daemon register");
  });

  test("register without a token, or without a gateway, says how to get one", async () => {
    await using machine = await Machine.create();
    const none = await machine.run("register");
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("POST /api/v2/tokens")]);
    const nowhere = await machine.run("register", "--token", "rlnt_pat_1");
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining("--gateway")]);
  });

  test("register keeps what it proved, and start connects with it as the same daemon", async () => {
    await using machine = await Machine.create();
    const registering = machine.run("register", "--gateway", machine.gateway.url, "--token", "rlnt_pat_1");
    const first = await machine.gateway.connection(0);
    first.welcome(1);
    const registered = await registering;
    expect([registered.code, registered.err]).toEqual([0, ""]);
    expect(registered.out).toContain("Registered as dmn_given of user usr_1");
    expect(await Bun.file(machine.credentials).json()).toEqual({
      gateway: machine.gateway.url,
      token: "rlnt_pat_1",
      userId: "usr_1",
      daemonId: "dmn_given",
    });
    expect((await Bun.file(machine.credentials).stat()).mode & 0o777).toBe(0o600);
    await machine.start("start");
    const second = await machine.gateway.connection(1);
    expect(second.hello).toMatchObject({ daemonId: "dmn_given", userId: "usr_1", journalId: first.hello.journalId });
    expect(machine.gateway.authorizations).toEqual(["Bearer rlnt_pat_1", "Bearer rlnt_pat_1"]);
  });

  test("register keeps nothing where the token does not hold, or nobody answers", async () => {
    await using machine = await Machine.create();
    const registering = machine.run("register", "--gateway", machine.gateway.url, "--token", "rlnt_pat_1");
    const value = { reason: Refused_Reason.TOKEN, message: "no such token" };
    (await machine.gateway.connection(0)).send({ case: "refused", value });
    const refused = await registering;
    expect([refused.code, refused.err]).toEqual([4, expect.stringContaining("no such token")]);
    const away = await machine.run("register", "--gateway", "http://127.0.0.1:9", "--token", "rlnt_pat_1");
    expect([away.code, away.err]).toEqual([1, expect.stringContaining("http://127.0.0.1:9")]);
    expect(await Bun.file(machine.credentials).exists()).toBe(false);
  });

  test("status, logs and stop follow one daemon through its life", async () => {
    await using machine = await Machine.create();
    const before = await machine.run("status");
    expect([before.code, before.out]).toEqual([3, expect.stringContaining("No daemon runs on")]);
    const daemon = await machine.connect();
    const status = await eventually("the status to be connected", async () => {
      const { out } = await machine.run("status", "--json");
      const said: unknown = JSON.parse(out);
      return out.includes('"connected"') ? said : undefined;
    });
    expect(status).toMatchObject({
      running: true,
      pid: daemon.pid,
      gateway: machine.gateway.url,
      link: { kind: "connected", epoch: 1, daemonId: "dmn_given" },
      openCalls: 0,
    });
    const shown = await machine.run("status");
    expect([shown.code, shown.out]).toEqual([0, expect.stringContaining("connected as dmn_given, epoch 1")]);
    expect(shown.out).not.toContain("skipped");
    (await machine.gateway.connection(0)).send({ case: undefined });
    await eventually("the status to tell of a frame that is not known", async () =>
      (await machine.run("status")).out.includes("skipped   1 frame that this daemon does not know"),
    );
    expect((await machine.run("logs")).out).toContain("connected");
    const stop = await machine.run("stop");
    expect([stop.code, stop.out]).toEqual([0, `The daemon ${daemon.pid} was stopped.\n`]);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect((await machine.run("status")).code).toBe(3);
    expect((await machine.run("stop")).code).toBe(0);
  });

  test("keeps the id that it was given, without being registered", async () => {
    await using machine = await Machine.create();
    await (await machine.connect()).stopCleanly();
    await machine.connect();
    const [first, second] = machine.gateway.connections;
    expect([first?.hello.daemonId, second?.hello.daemonId]).toEqual(["", "dmn_given"]);
    expect(second?.hello.startCount).toBe(2n);
  });

  test("start is refused while another daemon has the folder, and status still shows that one", async () => {
    await using machine = await Machine.create();
    const daemon = await machine.connect();
    const second = await machine.run("start", "--gateway", machine.gateway.url, "--token", "rlnt_pat_1");
    expect([second.code, second.err]).toEqual([1, expect.stringContaining("another reliant daemon holds it")]);
    expect((await machine.run("status")).out).toContain(`process ${daemon.pid}`);
    await daemon.stopCleanly();
  });

  test("stop --force ends a daemon that hangs, and the next start ends what it had run and tells it as gone", async () => {
    await using machine = await Machine.create();
    const daemon = await machine.connect();
    // A call's processes are found by its id, all over the machine: nobody else may have the same.
    const toolCallId = newId("call");
    const [connection] = machine.gateway.connections;
    const roots = [join(machine.folder.path, "project")];
    const inputJson = JSON.stringify({ command: "echo $$ > pid; exec sleep 300" });
    const invocation = { toolName: "shell", inputJson, roots, timeoutMs: 60_000n, chatId: "c" };
    connection?.send({ case: "offer", value: { toolCallId, invocation } });
    const ready = await connection?.next("ready");
    const stamp = ready?.stamp;
    connection?.send({ case: "grant", value: { toolCallId, ...(stamp === undefined ? {} : { stamp }) } });
    await eventually("the call to run", async () => (await machine.run("status")).out.includes("1 running"));
    const pidFile = Bun.file(join(machine.folder.path, "project", "pid"));
    const tool = await eventually("the tool's process", async () => Number(await pidFile.text()) || undefined);
    daemon.pause();
    const stop = await machine.run("stop", "--force");
    expect([stop.code, stop.out]).toEqual([0, expect.stringContaining("was killed")]);
    expect(await processMark(tool)).toBeDefined();
    await machine.connect();
    expect(await machine.gateway.connections[1]?.next("result")).toMatchObject({ toolCallId, ending: 5 });
    expect(await processMark(tool)).toBeUndefined();
  });

  test("start tells a faulty policy, and connects nowhere", async () => {
    await using machine = await Machine.create();
    await Bun.write(machine.policy, "mode: open\n");
    const { code, err } = await machine.run("start", "--gateway", machine.gateway.url, "--token", "rlnt_pat_1");
    expect([code, err]).toEqual([1, expect.stringContaining("daemon-policy.yaml")]);
    expect(machine.gateway.authorizations).toEqual([]);
  });

  test("start ends with the reason where it was replaced", async () => {
    await using machine = await Machine.create();
    const daemon = await machine.start("start", "--gateway", machine.gateway.url, "--token", "rlnt_pat_1");
    const value = { reason: Refused_Reason.REPLACED, message: "" };
    (await machine.gateway.connection(0)).send({ case: "refused", value });
    expect((await daemon.exited).code).toBe(1);
    expect(daemon.stderr).toContain("another process took this daemon's place");
    expect((await machine.run("status")).code).toBe(3);
  });
});
