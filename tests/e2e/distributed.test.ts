import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { MessageState, Role, RunState } from "../../src/gen/reliant/v1/chat_pb.ts";
import type { RoleProcess } from "../../src/stack/role-process.ts";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { BOUNDS } from "../support/bounds.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { countingFrom, finalText, followChat, lastAnswer, startChat } from "../support/follow-chat.ts";

const MINUTE = 60_000;

let cluster: Cluster;
let alice: StackUser;
let bob: StackUser;
let laptop: StackDaemon;
let desktop: StackDaemon;
let bobs: StackDaemon;

beforeAll(async () => {
  const script = join(import.meta.dir, "scripts/distributed.yaml");
  cluster = await startCluster({ apis: 2, gateways: 2, workers: 2, script });
  [alice, bob] = await Promise.all([cluster.signUp("alice"), cluster.signUp("bob")]);
  const [first, second] = cluster.gateways;
  if (first === undefined || second === undefined) throw new Error("two gateways were asked for");
  [laptop, desktop, bobs] = await Promise.all([
    cluster.startDaemon(alice, { name: "laptop", gatewayUrl: urlOf(first) }),
    cluster.startDaemon(alice, { name: "desktop", gatewayUrl: urlOf(second) }),
    cluster.startDaemon(bob, { name: "bobs" }),
  ]);
}, BOUNDS.buildMs + BOUNDS.installMs);

afterAll(() => cluster?.stop(), BOUNDS.stopMs);

/** Past the balancer. */
const urlOf = (gateway: RoleProcess) => `http://127.0.0.1:${gateway.ports["--daemon-port"]}`;

const lines = async (daemon: StackDaemon, file: string) =>
  (await readFile(join(daemon.root, file), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

const place = (daemon: StackDaemon) => ({ path: daemon.root, daemonId: daemon.id });

describe("an installation of two APIs, two gateways, two workers and three daemons", () => {
  test(
    "runs each chat's tools on the machine that it names, whichever gateway holds it",
    async () => {
      const asked = [
        { user: alice, daemon: laptop },
        { user: alice, daemon: desktop },
        { user: bob, daemon: bobs },
      ];
      const answers = await Promise.all(
        asked.map(async ({ user, daemon }) => {
          const chat = await startChat(user.api, "where are you", place(daemon));
          return lastAnswer(await followChat(user.api, chat.id));
        }),
      );
      expect(answers).toEqual(asked.map(({ daemon }) => `I am in ${daemon.root}.`));
      for (const { daemon } of asked) expect(await lines(daemon, "visits")).toEqual(["here"]);
    },
    MINUTE,
  );

  test(
    "runs eight tool calls of one answer, each once",
    async () => {
      const chat = await startChat(alice.api, "eight at once", place(laptop));
      const followed = await followChat(alice.api, chat.id);
      expect(followed.outcome).toBe(RunState.SUCCEEDED);
      expect((await lines(laptop, "eight")).toSorted()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
    },
    MINUTE,
  );

  test(
    "shows a client on the other API replica every update once and in order",
    async () => {
      const chat = await startChat(alice.apiAt(0), "where are you", place(desktop));
      const [here, there] = await Promise.all([
        followChat(alice.apiAt(0), chat.id),
        followChat(alice.apiAt(1), chat.id),
      ]);
      expect(there.sequences).toEqual(countingFrom(1n, there.sequences.length));
      expect(there.sequences).toEqual(here.sequences);
      expect(there.messages).toEqual(here.messages);
      // Whoever comes later reads the same from the store.
      const later = await followChat(alice.apiAt(1), chat.id);
      expect(later.messages).toEqual(here.messages);
      const half = here.sequences[Math.floor(here.sequences.length / 2)] ?? 0n;
      const resumed = await followChat(alice.apiAt(0), chat.id, { afterSequence: half });
      expect(resumed.sequences).toEqual(here.sequences.filter((sequence) => sequence > half));
    },
    MINUTE,
  );

  test(
    "streams an answer's words before it stands, the same text",
    async () => {
      const chat = await startChat(alice.api, "where are you", place(laptop));
      const followed = await followChat(alice.api, chat.id);
      expect(followed.streamed.size).toBeGreaterThan(0);
      for (const [block, streamed] of followed.streamed) {
        expect(finalText(followed, block)?.slice(0, streamed.length)).toBe(streamed);
      }
    },
    MINUTE,
  );

  test(
    "takes a message up that comes while a run is under way",
    async () => {
      const chat = await startChat(alice.api, "first question", place(laptop));
      await eventually("the first tool to run", async () => (await lines(laptop, "first")).length === 1);
      const sent = await alice.api.chats.sendMessage({
        chatId: chat.id,
        blocks: [{ content: { case: "text", value: { text: "second question" } } }],
      });
      expect(sent.run?.id).toBe(chat.run?.id ?? "");
      await writeFile(join(laptop.root, "go"), "");
      const followed = await followChat(alice.api, chat.id);
      expect(followed.outcome).toBe(RunState.SUCCEEDED);
      expect(lastAnswer(followed)).toBe("Second answer.");
      expect(await lines(laptop, "first")).toEqual(["started"]);
    },
    MINUTE,
  );

  test(
    "ends a running tool within two seconds of a cancel, and the run with it",
    async () => {
      const chat = await startChat(bob.api, "take your time", place(bobs));
      const pid = await eventually(
        "the slow tool to run",
        async () => Number((await lines(bobs, "slow.pid"))[0]) || undefined,
      );
      const cancelledAtMs = performance.now();
      await bob.api.chats.cancelRun({ chatId: chat.id });
      await eventually("the tool to end", () => !isAlive(pid), { timeoutMs: 2000 });
      expect(performance.now() - cancelledAtMs).toBeLessThan(2000);
      const followed = await followChat(bob.api, chat.id);
      expect(followed.outcome).toBe(RunState.CANCELLED);
      expect(followed.messages.at(-1)?.role).toBe(Role.TOOL);
    },
    MINUTE,
  );

  test(
    "answers another user's ids as if they were not there",
    async () => {
      const chat = await startChat(alice.api, "where are you", place(laptop));
      await followChat(alice.api, chat.id);
      const asBob = [
        bob.api.chats.getChat({ chatId: chat.id }),
        bob.api.chats.listMessages({ chatId: chat.id }),
        bob.api.chats.cancelRun({ chatId: chat.id }),
        bob.api.chats.sendMessage({ chatId: chat.id, blocks: [{ content: { case: "text", value: { text: "hi" } } }] }),
        followChat(bob.api, chat.id),
      ];
      const answers = await Promise.allSettled(asBob);
      const codes = answers.map((answer) =>
        answer.status === "rejected" ? ConnectError.from(answer.reason).code : "ok",
      );
      expect(codes).toEqual(asBob.map(() => Code.NotFound));
    },
    MINUTE,
  );

  test(
    "goes on when a daemon goes and comes back on the other gateway",
    async () => {
      const before = (await lines(bobs, "visits")).length;
      cluster.links.get("daemon-gateway")?.dropConnections();
      // Each connection goes to whichever gateway is next.
      for (let round = 0; round < 2; round++) {
        const chat = await startChat(bob.api, "where are you", place(bobs));
        const followed = await followChat(bob.api, chat.id);
        expect(followed.error).toBe("");
        expect(lastAnswer(followed)).toBe(`I am in ${bobs.root}.`);
        cluster.links.get("daemon-gateway")?.dropConnections();
        await backOnline(bob, bobs);
      }
      expect((await lines(bobs, "visits")).length).toBe(before + 2);
    },
    MINUTE,
  );

  test(
    "ends a chat right when a worker is killed in the middle of a tool, and no tool runs twice",
    async () => {
      const chats = await Promise.all(
        [laptop, desktop].map((daemon) => startChat(alice.api, "count once", place(daemon))),
      );
      for (const daemon of [laptop, desktop]) {
        await eventually("the counting tool to run", async () => (await lines(daemon, "counter")).length === 1);
      }
      const [victim] = cluster.workers;
      if (victim === undefined) throw new Error("there is a worker");
      await victim.process.kill9();
      for (const daemon of [laptop, desktop]) await writeFile(join(daemon.root, "release"), "");
      const followed = await Promise.all(chats.map((chat) => followChat(alice.api, chat.id)));
      await victim.start();
      expect(followed.map((one) => one.outcome)).toEqual([RunState.SUCCEEDED, RunState.SUCCEEDED]);
      expect(followed.map(lastAnswer)).toEqual(["Counted.", "Counted."]);
      for (const daemon of [laptop, desktop]) expect(await lines(daemon, "counter")).toEqual(["x"]);
      for (const one of followed) {
        expect(one.sequences).toEqual(countingFrom(1n, one.sequences.length));
        expect(one.messages.every((message) => message.state === MessageState.COMPLETE)).toBe(true);
      }
    },
    MINUTE,
  );

  test(
    "ends a revoked token's live stream within five seconds",
    async () => {
      const guest = await cluster.startDaemon(bob, { name: "guest" });
      const { tokens } = await bob.api.tokens.listTokens({});
      const newest = tokens.toSorted(
        (a, b) => Number((b.createdAt?.seconds ?? 0n) - (a.createdAt?.seconds ?? 0n)) || (a.id < b.id ? 1 : -1),
      )[0];
      await bob.api.tokens.revokeToken({ tokenId: newest?.id ?? "" });
      const status = await guest.process.awaitExit(5000);
      expect(status.code).toBe(4);
      expect(guest.process.stderr).toContain("revoked");
    },
    MINUTE,
  );

  test(
    "stops each role cleanly on SIGTERM",
    async () => {
      const roles = [...cluster.apis, ...cluster.gateways, ...cluster.workers];
      await Promise.all([laptop, desktop, bobs].map((daemon) => daemon.process.stopCleanly()));
      await Promise.all(roles.map((role) => role.process.stopCleanly()));
    },
    MINUTE,
  );
});

async function backOnline(user: StackUser, daemon: StackDaemon): Promise<void> {
  await eventually("the daemon to be back", async () => {
    const { daemons } = await user.api.daemons.listDaemons({});
    return daemons.find((one) => one.id === daemon.id)?.online === true;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
