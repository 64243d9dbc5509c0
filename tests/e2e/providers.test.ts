import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../src/core/limits.ts";
import { MessageState, Role, RunState } from "../../src/gen/reliant/v1/chat_pb.ts";
import { failureRow } from "../../src/models/provider-failures.ts";
import { BOUNDS } from "../support/bounds.ts";
import { eventually } from "../support/eventually.ts";
import { builtExecutable } from "../support/executable.ts";
import { failingAnthropic } from "../support/failing-provider/failing-anthropic.ts";
import { failingGoogle } from "../support/failing-provider/failing-google.ts";
import { failingCompatible, failingResponses } from "../support/failing-provider/failing-openai.ts";
import { FailingServer } from "../support/failing-provider/failing-server.ts";
import type { FailingWire } from "../support/failing-provider/failing-wire.ts";
import { askedBy, flagsOf, followPlay, startPlay } from "../support/failing-provider/follow-play.ts";
import { DATE_AHEAD_MS, MANY_CALLS, type PlayName, player } from "../support/failing-provider/plays.ts";
import { countingFrom, lastAnswer } from "../support/follow-chat.ts";
import { type Monolith, startMonolith } from "../support/monolith.ts";

const WIRES = [failingAnthropic, failingResponses, failingGoogle, failingCompatible];
const ANSWER = "There is one file.";

let monolith: Monolith;
const servers = new Map<FailingWire, FailingServer>();

beforeAll(async () => {
  await builtExecutable();
  for (const failing of WIRES) servers.set(failing, await FailingServer.start(player(failing)));
  monolith = await startMonolith({ flags: WIRES.flatMap((failing) => flagsOf(failing, serverOf(failing).url)) });
}, BOUNDS.buildMs);

afterAll(async () => {
  await monolith?.stop();
  for (const server of servers.values()) await server.stop();
}, BOUNDS.stopMs);

for (const failing of WIRES) {
  describe(`a provider that speaks ${failing.wire.name}`, () => {
    const passing: PlayName[] = [
      ...(["rate_limited", "rate_limited_seconds", "rate_limited_date", "overloaded", "server_error"] as const),
      ...(["bad_gateway", "reset", "cut", "malformed", "error_event", "call_broken_off"] as const),
    ];
    test(`is asked again after what passes: ${passing.join(", ")}`, async () => {
      const played = await Promise.all(passing.map(async (name) => ({ name, chat: await play(failing, name) })));
      for (const { name, chat } of played) {
        expect([name, chat.outcome, lastAnswer(chat)]).toEqual([name, RunState.SUCCEEDED, ANSWER]);
        expect([name, chat.asked.length]).toEqual([name, 2]);
        expect(chat.sequences).toEqual(countingFrom(1n, chat.sequences.length));
        // The client was told until when, and the provider was not asked sooner.
        const wait = chat.waits[0];
        expect([name, chat.waits.length, wait?.attempt]).toEqual([name, 1, 1]);
        expect(chat.asked[1]?.atMs).toBeGreaterThanOrEqual(wait?.untilMs ?? Number.POSITIVE_INFINITY);
        expect(chat.attempts).toEqual([1, 2]);
        // Not even what came whole before the answer broke off.
        expect([name, await isCutCallRun(chat)]).toEqual([name, false]);
        expect([name, chat.messages.filter((message) => message.role === Role.TOOL).length]).toEqual([name, 0]);
      }
      const asks = (name: PlayName) => played.find((each) => each.name === name)?.chat.asked ?? [];
      // Longer than we would wait of ourselves; a date has no milliseconds.
      for (const [name, leastMs] of [
        ["rate_limited_seconds", 2000],
        ["rate_limited_date", DATE_AHEAD_MS - 1000],
      ] as const) {
        const [first, second] = asks(name);
        expect(leastMs).toBeGreaterThan(LIMITS.modelRetryBaseMs);
        expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(leastMs);
      }
    }, 30_000);

    test("is asked once only for what does not pass, and the person reads what to do", async () => {
      const names = ["context_too_long", "wrong_key", "unknown_model", "quota_spent"] as const;
      const played = await Promise.all(names.map(async (name) => ({ name, chat: await play(failing, name) })));
      for (const { name, chat } of played) {
        expect([name, chat.outcome, chat.asked.length, chat.waits.length]).toEqual([name, RunState.FAILED, 1, 0]);
        const told = failureRow(name).told.split(/[{;:]/)[0] ?? "?";
        expect(chat.error).toContain(told);
        expect(chat.error).not.toContain("key-of-test");
      }
    });

    test("keeps and marks what had come of an answer that was refused, or that grew too long", async () => {
      const [refused, long] = await Promise.all([play(failing, "refusal"), play(failing, "too_long")]);
      expect(refused.outcome).toBe(RunState.FAILED);
      expect(refused.error).toContain("refused");
      expect(refused.messages.at(-1)?.state).toBe(MessageState.FAILED);
      expect(lastAnswer(refused)).toBe("I would rather");
      expect(long.outcome).toBe(RunState.SUCCEEDED);
      expect(lastAnswer(long)).toBe("Let");
      expect(long.messages.at(-1)?.errorMessage).toContain("the answer is cut");
      expect([refused.asked.length, long.asked.length]).toEqual([1, 1]);
    });

    test("is told of a call that was cut in its arguments, which never runs", async () => {
      const names = ["call_too_long", "call_not_begun"] as const;
      // Google's calls come whole.
      const played = await Promise.all(names.map((name) => play(failing, name)));
      for (const chat of played) {
        expect(chat.outcome).toBe(RunState.SUCCEEDED);
        expect(await isCutCallRun(chat)).toBe(false);
        const results = chat.messages.filter((message) => message.role === Role.TOOL);
        const told = chat.asked[1]?.body.includes("Nothing was run. Ask again, with the whole input.") ?? false;
        expect([results.length, told]).toEqual(failing.vendor === "google" ? [0, false] : [1, true]);
      }
    });
  });
}

describe("200 tools in one message", () => {
  // One that gives its calls ids, and one that does not; all formats: tests/contract/model-provider-failures.test.ts.
  for (const failing of [failingAnthropic, failingGoogle]) {
    test(`all run, each once: ${failing.wire.name}`, async () => {
      const chat = await play(failing, "many_calls");
      expect(chat.outcome).toBe(RunState.SUCCEEDED);
      expect(lastAnswer(chat)).toBe(ANSWER);
      expect((await ran(chat)).map(Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: MANY_CALLS }, (_, i) => i),
      );
      expect(chat.messages.filter((message) => message.role === Role.TOOL)).toHaveLength(MANY_CALLS);
    }, 60_000);
  }
});

describe("an answer that breaks off before the eyes of its reader", () => {
  test("is withdrawn by its number, and the next one takes its place without gap or double", async () => {
    const server = serverOf(failingAnthropic);
    const chat = await startPlay(monolith, failingAnthropic, "silence_then_answer");
    const followed = await followPlay(monolith.api, chat.chatId, 30_000, (live) => {
      if (live === "Let" && askedOf(failingAnthropic, chat.token).length === 1) server.resetAll();
    });
    expect(followed.voided).toEqual(["Let"]);
    expect(followed.attempts).toEqual([1, 2]);
    expect(followed.waits).toHaveLength(1);
    expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
    expect(lastAnswer(followed)).toBe(ANSWER);
    expect([...followed.streamed.values()]).toEqual([ANSWER]);
  });
});

describe("what is kept of attempts that failed", () => {
  test("is each one's usage, as far as it was told, and the text of the last one, marked", async () => {
    const chat = await play(failingAnthropic, "gives_up", 45_000);
    expect(chat.outcome).toBe(RunState.FAILED);
    expect(chat.error).toContain(`(asked ${LIMITS.modelAttempts} times)`);
    expect(chat.asked).toHaveLength(LIMITS.modelAttempts);
    const answer = chat.messages.at(-1);
    expect(answer?.state).toBe(MessageState.FAILED);
    expect(lastAnswer(chat)).toBe("Let");
    expect(answer?.usage?.inputTokens).toBe(30n);
    expect(chat.sequences).toEqual(countingFrom(1n, chat.sequences.length));
    using database = new Database(join(monolith.dataDir, "reliant.db"), { readonly: true });
    const rows = database
      .query<{ usage: string | null; error: string }, [string]>(
        "select usage, error from model_attempts where message_id = ? order by attempt",
      )
      .all(answer?.id ?? "");
    expect(rows.map(({ usage }) => (usage === null ? undefined : JSON.parse(usage).inputTokens))).toEqual([
      ...[30, undefined, 30, undefined, 30],
    ]);
    expect(rows.map(({ error }) => /connection broke|answered 429|end did not come/.exec(error)?.[0])).toEqual([
      ...["connection broke", "answered 429", "end did not come", "answered 429", "connection broke"],
    ]);
  }, 60_000);
});

describe("a person", () => {
  test("reads in `reliant run` until when the provider is waited for", async () => {
    const project = await monolith.newProject();
    const run = await monolith.run("play:rate_limited_seconds:run1", project, "--model", failingAnthropic.wire.model);
    await run.awaitOutput(/\(waiting for the provider until \d\d:\d\d:\d\d: ask anthropic\/.* it answered 429: .*\)\n/);
    expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
    expect(run.stdout).toEndWith(`${ANSWER}\n`);
  });

  for (const name of ["rate_limited_long", "silence"] as const) {
    test(`ends a wait at once by Ctrl-C: ${name}`, async () => {
      const project = await monolith.newProject();
      const run = await monolith.run(
        `play:${name}:${name.replaceAll("_", "")}`,
        project,
        "--model",
        failingAnthropic.wire.model,
      );
      await run.awaitOutput(name === "silence" ? /Let/ : /waiting for the provider until/);
      const from = Date.now();
      process.kill(run.pid, "SIGINT");
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(130);
      expect(Date.now() - from).toBeLessThan(2000);
      expect(run.stdout).toContain("(interrupted)");
    });
  }

  test("is told at once of a wait that is longer than anybody waits", async () => {
    const chat = await play(failingAnthropic, "rate_limited_too_long");
    expect(chat.outcome).toBe(RunState.FAILED);
    expect(chat.asked).toHaveLength(1);
    expect(chat.error).toContain("the provider asks to wait 3600 s");
  });
});

describe("a server that is killed while it waits for the provider", () => {
  test("waits on to the same time, and asks for nothing again that was answered", async () => {
    const chat = await startPlay(monolith, failingAnthropic, "tool_then_wait");
    await eventually("the wait to be stored", () => storedWaits(chat.chatId) === 1);
    await monolith.process.kill9();
    await monolith.restart();
    const followed = await followPlay(monolith.api, chat.chatId, 30_000);
    const asked = askedOf(failingAnthropic, chat.token);
    expect(followed.outcome).toBe(RunState.SUCCEEDED);
    expect(lastAnswer(followed)).toBe(ANSWER);
    expect(asked).toHaveLength(3);
    expect((await readFile(join(chat.project, "ran"), "utf8")).trim()).toBe("once");
    expect(followed.waits.length).toBeGreaterThanOrEqual(1);
    const until = Math.max(...followed.waits.map(({ untilMs }) => untilMs));
    expect((asked[2]?.atMs ?? 0) - (asked[1]?.atMs ?? 0)).toBeGreaterThanOrEqual(4000);
    expect(asked[2]?.atMs).toBeGreaterThanOrEqual(until);
    expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
  }, 60_000);
});

describe("a provider that nobody can connect to", () => {
  test("is asked again, and answers when it is back", async () => {
    const gone = await FailingServer.start(player(failingAnthropic));
    await gone.stop();
    await using own = await startMonolith({ flags: flagsOf(failingAnthropic, gone.url) });
    const project = await own.newProject();
    const run = await own.run("play:gives_up:gone", project, "--model", failingAnthropic.wire.model);
    await run.awaitOutput(/waiting for the provider until .*cannot reach http:\/\/127\.0\.0\.1/);
    const back = await FailingServer.start(
      () => ({ kind: "stream", text: failingAnthropic.wire.answer, end: "proper" }),
      gone.port,
    );
    try {
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
      expect(run.stdout).toEndWith(`${ANSWER}\n`);
    } finally {
      await back.stop();
    }
  }, 60_000);
});

function storedWaits(chatId: string): number {
  using database = new Database(join(monolith.dataDir, "reliant.db"), { readonly: true });
  const waits = database.query("select 1 from chat_updates where chat_id = ? and event like '%provider_waiting%'");
  return waits.all(chatId).length;
}

async function play(failing: FailingWire, name: PlayName, timeoutMs = 30_000) {
  const { chatId, project, token } = await startPlay(monolith, failing, name);
  const followed = await followPlay(monolith.api, chatId, timeoutMs);
  return { ...followed, chatId, project, asked: askedOf(failing, token) };
}

function askedOf(failing: FailingWire, token: string) {
  return askedBy(serverOf(failing), token);
}

function serverOf(failing: FailingWire): FailingServer {
  const server = servers.get(failing);
  if (server === undefined) throw new Error(`no server of ${failing.wire.name}`);
  return server;
}

/** Whether the call that is cut, or that comes whole in an answer that breaks off, has left its file. */
function isCutCallRun({ project }: { readonly project: string }): Promise<boolean> {
  return Bun.file(join(project, "must-not-be-there")).exists();
}

/** Lines that the tools of the chat have written. */
async function ran({ project }: { readonly project: string }): Promise<string[]> {
  const file = Bun.file(join(project, "ran"));
  return (await file.exists()) ? (await file.text()).trim().split("\n") : [];
}
