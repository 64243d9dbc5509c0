import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Role, RunState } from "../../src/gen/reliant/v1/chat_pb.ts";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { BOUNDS } from "../support/bounds.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { failingAnthropic } from "../support/failing-provider/failing-anthropic.ts";
import { FailingServer } from "../support/failing-provider/failing-server.ts";
import { askedBy, flagsOf, followPlay, startPlay } from "../support/failing-provider/follow-play.ts";
import { MANY_CALLS, player } from "../support/failing-provider/plays.ts";
import { countingFrom, lastAnswer } from "../support/follow-chat.ts";

const ANSWER = "There is one file.";

let provider: FailingServer;
let cluster: Cluster;
let user: StackUser;
let daemon: StackDaemon;

beforeAll(async () => {
  provider = await FailingServer.start(player(failingAnthropic));
  const script = join(import.meta.dir, "scripts/monolith.yaml");
  const workerFlags = flagsOf(failingAnthropic, provider.url);
  cluster = await startCluster({ apis: 1, gateways: 1, workers: 2, script, workerFlags });
  user = await cluster.signUp("ada");
  daemon = await cluster.startDaemon(user, { name: "laptop" });
}, BOUNDS.buildMs);

afterAll(async () => {
  await cluster?.stop();
  await provider?.stop();
}, BOUNDS.stopMs);

describe("a provider, in distributed mode", () => {
  test("is waited for, its answer is withdrawn and replaced, and the client is told in order", async () => {
    const chat = await startPlay(place(), failingAnthropic, "silence_then_answer");
    const followed = await followPlay(user.api, chat.chatId, 30_000, (live) => {
      if (live === "Let" && askedBy(provider, chat.token).length === 1) provider.resetAll();
    });
    expect(followed.outcome).toBe(RunState.SUCCEEDED);
    expect(followed.voided).toEqual(["Let"]);
    expect(followed.attempts).toEqual([1, 2]);
    expect(followed.waits).toHaveLength(1);
    expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
    expect(lastAnswer(followed)).toBe(ANSWER);
  }, 40_000);

  test("is asked no sooner by the worker that takes over from one that was killed while it waited", async () => {
    const chat = await startPlay(place(), failingAnthropic, "rate_limited_patient");
    const waiting = Promise.withResolvers<string>();
    const following = followPlay(user.api, chat.chatId, 60_000, undefined, waiting.resolve);
    const messageId = await waiting.promise;
    const waits = cluster.workers.find(({ process }) => process.newestOutput().includes(messageId));
    if (waits === undefined) throw new Error("no worker has said that it waits");
    await waits.process.kill9();
    const followed = await following;
    const asked = askedBy(provider, chat.token);
    expect(followed.outcome).toBe(RunState.SUCCEEDED);
    expect(lastAnswer(followed)).toBe(ANSWER);
    expect(asked).toHaveLength(2);
    expect((asked[1]?.atMs ?? 0) - (asked[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(12_000);
    expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
  }, 70_000);

  test("asks for 200 tools in one message, and each of them runs once on the daemon", async () => {
    const chat = await startPlay(place(), failingAnthropic, "many_calls");
    const followed = await followPlay(user.api, chat.chatId, 150_000);
    expect(followed.outcome).toBe(RunState.SUCCEEDED);
    expect(lastAnswer(followed)).toBe(ANSWER);
    const ran = (await Bun.file(join(daemon.root, "ran")).text()).trim().split("\n").map(Number);
    expect(ran.sort((a, b) => a - b)).toEqual(Array.from({ length: MANY_CALLS }, (_, index) => index));
    expect(followed.messages.filter((message) => message.role === Role.TOOL)).toHaveLength(MANY_CALLS);
    expect(askedBy(provider, chat.token)).toHaveLength(2);
    expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
  }, 160_000);

  test("is not waited for any longer when the run is cancelled", async () => {
    const chat = await startPlay(place(), failingAnthropic, "rate_limited_long");
    let cancelledAtMs = 0;
    const followed = await followPlay(user.api, chat.chatId, 30_000, undefined, () => {
      cancelledAtMs = Date.now();
      void user.api.chats.cancelRun({ chatId: chat.chatId });
    });
    expect(followed.outcome).toBe(RunState.CANCELLED);
    expect(Date.now() - cancelledAtMs).toBeLessThan(2000);
    expect(askedBy(provider, chat.token)).toHaveLength(1);
  }, 40_000);
});

function place() {
  return { api: user.api, newProject: async () => daemon.root };
}
