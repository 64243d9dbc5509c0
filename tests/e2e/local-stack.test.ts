import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type LocalStack, startLocalStack } from "../../src/stack/local-stack.ts";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { BOUNDS } from "../support/bounds.ts";
import { eventually } from "../support/eventually.ts";
import { builtExecutable } from "../support/executable.ts";
import { followChat, lastAnswer, startChat } from "../support/follow-chat.ts";
import { stackPrograms } from "../support/stack-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const MINUTE = 60_000;
const closing = new AsyncDisposableStack();
let stack: LocalStack;
let ada: StackUser;
let laptop: StackDaemon;

beforeAll(async () => {
  const folder = closing.use(await tempFolder("stack"));
  stack = closing.use(
    await startLocalStack({
      ...{ folder: folder.path, programs: await stackPrograms(folder.path), executable: await builtExecutable() },
      ...{ apis: 1, gateways: 2, workers: 1, temporary: true },
      script: join(import.meta.dir, "scripts/distributed.yaml"),
    }),
  );
  ada = await stack.signUp("ada");
  laptop = await stack.startDaemon(ada, { name: "laptop", wrap: ["/bin/sh", "-c", 'exec "$@"', "wrap"] });
}, BOUNDS.buildMs + BOUNDS.installMs);

afterAll(() => closing.disposeAsync(), 2 * BOUNDS.stopMs);

/** Where the daemon says that it is: everything between client and tool works. */
async function answer(): Promise<string> {
  const chat = await startChat(ada.api, "where are you", { path: laptop.root, daemonId: laptop.id });
  return lastAnswer(await followChat(ada.api, chat.id));
}

async function expectAnswer(): Promise<void> {
  expect(await answer()).toBe(`I am in ${laptop.root}.`);
}

async function readyStatus(role: "apis" | "gateways" | "workers"): Promise<number> {
  return (await fetch(`${stack[role][0]?.healthUrl}/ready`, { signal: AbortSignal.timeout(5000) })).status;
}

describe("a stack of its own", () => {
  test(
    "answers a chat, each role through its own links, and writes each log to its folder",
    async () => {
      await expectAnswer();
      const unused = [...stack.links].filter(([, link]) => link.connections === 0).map(([name]) => name);
      expect(unused).toEqual([]);
      expect((await readdir(join(stack.folder, "logs"))).sort()).toEqual([
        ...["api-0.log", "daemon-laptop.log", "gateway-0.log", "gateway-1.log", "worker-0.log"],
      ]);
    },
    MINUTE,
  );

  test(
    "has links that cut one kind of role from one server, and no other",
    async () => {
      for (const { role, link } of [
        { role: "gateways", link: "gateway-nats" },
        { role: "workers", link: "worker-nats" },
        { role: "workers", link: "worker-temporal" },
        { role: "apis", link: "api-postgres" },
      ] as const) {
        const proxy = stack.links.get(link);
        proxy?.cut();
        await eventually(`${role} to miss what is behind ${link}`, async () => (await readyStatus(role)) === 503);
        const others = (["apis", "gateways", "workers"] as const).filter((one) => one !== role);
        expect(await Promise.all(others.map(readyStatus))).toEqual([200, 200]);
        proxy?.restore();
        await eventually(`${role} to be ready again`, async () => (await readyStatus(role)) === 200);
      }
      await expectAnswer();
    },
    2 * MINUTE,
  );

  test(
    "brings a role back in its place, on its ports, and clients pass over a gateway that is down",
    async () => {
      const [first] = stack.gateways;
      if (first === undefined) throw new Error("there is a gateway");
      await expect(first.start()).rejects.toThrow(/start gateway 0: process \d+ still runs/);
      await first.kill9();
      stack.links.get("daemon-gateway")?.dropConnections();
      await expectAnswer();
      const back = await first.start();
      expect(stack.gateways[0]).toBe(back);
      expect(back.ports).toEqual(first.ports);
      expect(back.process.pid).not.toBe(first.process.pid);
    },
    MINUTE,
  );

  test(
    "brings a daemon back with its identity",
    async () => {
      const before = laptop.process.pid;
      await laptop.kill9();
      await laptop.restart();
      expect(laptop.process.pid).not.toBe(before);
      await expectAnswer();
      const { daemons } = await ada.api.daemons.listDaemons({});
      expect(daemons.map(({ id }) => id)).toEqual([laptop.id]);
    },
    MINUTE,
  );

  test(
    "brings its servers back with what they had stored",
    async () => {
      for (const server of [stack.postgres, stack.nats, stack.temporal]) {
        await server.kill9();
        await server.restart();
        // A stream that meets the outage ends with "unavailable", and its client comes again.
        await eventually(`an answer with ${server.name} back`, async () => (await answer()).includes(laptop.root));
      }
      const { chats } = await ada.api.chats.listChats({});
      expect(chats.length).toBeGreaterThan(4);
    },
    2 * MINUTE,
  );

  test(
    "freezes a server with all its processes, and lets it go on",
    async () => {
      await stack.postgres.pause();
      const asked = ada.api.chats.listChats({}).then(() => "answered");
      const waited = Bun.sleep(500).then(() => "nothing");
      expect(await Promise.race([asked, waited])).toBe("nothing");
      await stack.postgres.resume();
      expect(await asked).toBe("answered");
    },
    MINUTE,
  );
});
