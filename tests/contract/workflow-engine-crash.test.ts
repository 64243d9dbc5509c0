import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { ContentBlock } from "../../src/chat/message.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { TemporalConnection } from "../../src/engine/temporal/temporal-connection.ts";
import { TemporalEngine } from "../../src/engine/temporal/temporal-engine.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../src/store/store.ts";
import type { EngineHostOptions } from "../support/engine-host.ts";
import { eventually } from "../support/eventually.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";

setDefaultTimeout(120_000);

const HOST = join(import.meta.dir, "../support/engine-host.ts");
const ENDED_MS = 60_000;

/** One chat in a SQLite store, and processes that run its loop. */
class CrashWorld {
  readonly chatId = newId("chat");
  private readonly started: ManagedProcess[] = [];

  private constructor(
    private readonly folder: TempFolder,
    private readonly store: Store,
    private readonly userId: string,
    private readonly temporal: EngineHostOptions["temporal"],
  ) {}

  static async open(temporal?: EngineHostOptions["temporal"]): Promise<CrashWorld> {
    const folder = await tempFolder("engine-crash");
    const store = await openStore({
      ...{ driver: "sqlite", file: join(folder.path, "reliant.db"), clock: systemClock, announce: () => undefined },
      signal: AbortSignal.timeout(30_000),
    });
    const user = await store.users.findOrCreate({ issuer: "local", subject: "ada" });
    const world = new CrashWorld(folder, store, user.id, temporal);
    await store.chats.create({ id: world.chatId, userId: user.id, title: "t", model: "fake/one" });
    return world;
  }

  async say(text: string): Promise<void> {
    const { userId, chatId } = this;
    await this.store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks: [{ kind: "text", text }] });
  }

  async startHost(name: string): Promise<ManagedProcess> {
    const options: EngineHostOptions = {
      ...{ name, storeFile: join(this.folder.path, "reliant.db"), notes: this.file("notes") },
      ...{ go: this.file(`go-${name}`), toolGo: this.file("tool-go") },
      ...(this.temporal === undefined ? {} : { temporal: this.temporal }),
    };
    const host = await ManagedProcess.start({
      command: [process.execPath, HOST, JSON.stringify(options)],
      env: { PATH: process.env.PATH ?? "", HOME: this.folder.path },
      cwd: this.folder.path,
    });
    this.started.push(host);
    await host.awaitOutput(/ready/);
    return host;
  }

  /** Lets what waits for the file go on. */
  async letGo(what: string): Promise<void> {
    await Bun.write(this.file(what), "");
  }

  async notes(): Promise<string[]> {
    const file = Bun.file(this.file("notes"));
    return (await file.exists()) ? (await file.text()).trim().split("\n") : [];
  }

  noted(line: string): Promise<boolean> {
    return eventually(line, async () => (await this.notes()).includes(line), { timeoutMs: ENDED_MS });
  }

  async chat() {
    return this.store.chats.get(this.userId, this.chatId);
  }

  ended(): Promise<unknown> {
    const over = async () => {
      const { run } = await this.chat();
      return run !== undefined && run.state !== "running";
    };
    return eventually("the run to end", over, { timeoutMs: ENDED_MS });
  }

  async blocks(): Promise<ContentBlock[]> {
    const { userId, chatId } = this;
    const page = await this.store.chats.listMessages({ userId, chatId, afterPosition: 0, limit: 100 });
    return page.messages.flatMap((message) => message.blocks);
  }

  async close(): Promise<void> {
    for (const host of this.started) {
      if (!host.isRunning) continue;
      host.resume();
      await host.stop();
    }
    await this.store.close();
    await this.folder.remove();
  }

  private file(name: string): string {
    return join(this.folder.path, name);
  }
}

describe("a run whose process is killed", () => {
  const engines = [{ name: "embedded" }, { name: "Temporal" }] as const;
  let server: TemporalServer;

  beforeAll(async () => {
    server = await sharedTemporal();
  });
  afterAll(() => server.stop());

  /** A world and the wake that its engine needs: the embedded one looks by itself when it starts. */
  async function open(name: "embedded" | "Temporal") {
    if (name === "embedded") return { world: await CrashWorld.open(), wake: async () => undefined };
    const taskQueue = `crash-${newId("run")}`;
    const world = await CrashWorld.open({ address: server.address, taskQueue });
    const wake = async () => {
      const { address, namespace } = server;
      const engine = new TemporalEngine(TemporalConnection.open({ address, namespace }, systemClock), { taskQueue });
      await engine.wake(world.chatId);
      await engine.close();
    };
    return { world, wake };
  }

  for (const { name } of engines) {
    test(`goes on in the next one, and no stored step is done again (${name})`, async () => {
      const { world, wake } = await open(name);
      await world.letGo("tool-go");
      await world.say("work");
      const first = await world.startHost("a");
      await wake();
      await world.noted("a: model asked with 1 results");
      await first.kill9();
      await world.letGo("go-b");
      await world.startHost("b");
      await world.ended();
      expect((await world.notes()).filter((line) => !/ready|left/.test(line))).toEqual([
        "a: model asked with 0 results",
        "a: tool ran",
        "a: model asked with 1 results",
        "b: model asked with 1 results",
        "b: model answers",
      ]);
      expect((await world.chat()).run?.state).toBe("succeeded");
      expect((await world.blocks()).at(-1)).toEqual({ kind: "text", text: "from b" });
      await world.close();
    });

    test(`runs no tool a second time, and says that nobody knows how it ended (${name})`, async () => {
      const { world, wake } = await open(name);
      await world.say("work");
      const first = await world.startHost("a");
      await wake();
      await world.noted("a: tool ran");
      await first.kill9();
      await world.letGo("go-b");
      await world.startHost("b");
      await world.ended();
      const notes = await world.notes();
      expect(notes.filter((line) => line.endsWith("tool ran"))).toEqual(["a: tool ran"]);
      const results = (await world.blocks()).flatMap((block) => (block.kind === "tool_result" ? [block.outcome] : []));
      expect(results).toEqual(["unknown"]);
      await world.close();
    });
  }

  test("is taken over from a worker that is frozen beyond its heartbeat, which writes nothing when it goes on", async () => {
    const { world, wake } = await open("Temporal");
    await world.letGo("tool-go");
    await world.say("work");
    const frozen = await world.startHost("a");
    await wake();
    await world.noted("a: model asked with 1 results");
    frozen.pause();
    await world.letGo("go-b");
    await world.startHost("b");
    await world.ended();
    const before = await world.chat();
    const blocks = await world.blocks();
    await world.letGo("go-a");
    frozen.resume();
    const left = async () => (await world.notes()).filter((line) => line === "a: model step left").length >= 2;
    await eventually("the frozen worker to leave its step", left);
    await frozen.stopCleanly();
    expect((await world.chat()).sequence).toBe(before.sequence);
    expect(await world.blocks()).toEqual(blocks);
    expect(blocks.at(-1)).toEqual({ kind: "text", text: "from b" });
    await world.close();
  });
});
