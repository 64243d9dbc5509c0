import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { MessageState, Role, RunState, ToolCallState } from "../../src/gen/reliant/v1/chat_pb.ts";
import { StreamUserUpdatesResponseSchema } from "../../src/gen/reliant/v1/update_pb.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { BOUNDS } from "../support/bounds.ts";
import { eventually } from "../support/eventually.ts";
import { builtExecutable, runExecutable, startRole } from "../support/executable.ts";
import { countingFrom, followChat, lastAnswer, startChat } from "../support/follow-chat.ts";
import { type Monolith, type MonolithOptions, startMonolith } from "../support/monolith.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";

const MINUTE = 60_000;
const MODEL = ["--model", `scripted/${join(import.meta.dir, "scripts/monolith.yaml")}`];

interface Variant extends MonolithOptions {
  readonly name: string;
  /** The shared Temporal server's address comes in here. */
  readonly outside?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: "the embedded engine", flags: MODEL },
  { name: "a Temporal server that it starts itself", flags: [...MODEL, "--engine", "temporal"], withTemporal: true },
  { name: "a Temporal server at --temporal-host", flags: [...MODEL, "--engine", "temporal"], outside: true },
];

for (const variant of VARIANTS) {
  describe(`the monolith on ${variant.name}`, () => {
    let monolith: Monolith;
    let temporal: TemporalServer | undefined;

    beforeAll(async () => {
      await builtExecutable();
      temporal = variant.outside === true ? await sharedTemporal() : undefined;
      monolith = await startMonolith({ ...variant, flags: [...variant.flags, ...flagsOf(temporal)] });
    }, BOUNDS.buildMs);

    afterAll(async () => {
      await monolith?.stop();
      await temporal?.stop();
    }, BOUNDS.stopMs);

    test("starts its daemon with the first request only", async () => {
      const journal = join(monolith.dataDir, "daemon-journal.db");
      expect(await exists(journal)).toBe(false);
      const project = await monolith.newProject();
      await writeFile(join(project, "go"), "");
      const run = await monolith.run("tick twice", project);
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
      expect(await exists(journal)).toBe(true);
    });

    test("streams a chat with tools to `reliant run` as it happens, which ends with exit code 0", async () => {
      const project = await monolith.newProject();
      const run = await monolith.run("please tick twice", project);
      await run.awaitOutput(/│ tick one/);
      expect(run.stdout).not.toContain("│ tick two");
      await writeFile(join(project, "go"), "");
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
      expect(run.stdout).toMatch(
        /^I will wait for a sign\.\nTicking\.\n▸ list_files \.\n▸ shell echo tick one; .*\n(.*\n)*It ticked twice\.\n$/,
      );
      expect(run.stdout.match(/│ tick .*$/gm)).toEqual(["│ tick one", "│ tick two"]);
      expect(run.stderr).toBe("");
    });

    test("tells every update as a JSON line, once and in order", async () => {
      const project = await monolith.newProject();
      await writeFile(join(project, "go"), "");
      const run = await monolith.run("tick twice", project, "--json");
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
      const { chats, outcome } = updatesOf(run.stdout);
      expect(chats).toEqual(countingFrom(1n, chats.length));
      expect(outcome).toBe(RunState.SUCCEEDED);
      expect(run.stderr).toBe("");
    });

    test("tells all of it to a reader that is slow", async () => {
      const text = `say it back ${"every word of it ".repeat(6000)}`;
      const piped = await ManagedProcess.start({
        command: ["/bin/sh", "-c", '"$@" | (sleep 1; cat)', "sh", await builtExecutable(), "run", "--json", text],
        env: { HOME: monolith.folder, DATA_DIR: monolith.dataDir },
        cwd: await monolith.newProject(),
      });
      expect((await piped.awaitExit()).code, piped.stderr).toBe(0);
      const { outcome, answer } = updatesOf(piped.stdout);
      expect(outcome).toBe(RunState.SUCCEEDED);
      expect(answer).toBe(text.repeat(3));
    });

    test("ends with exit code 1 and the reason where the run fails", async () => {
      const run = await monolith.run("break down", await monolith.newProject());
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(1);
      expect(run.stderr).toContain("the model is gone");
    });

    test("takes a message up that comes while a run is under way", async () => {
      const project = await monolith.newProject();
      const chat = await startChat(monolith.api, "first question", { path: project });
      await eventually("the first tool to run", async () => (await linesOf(project, "first")).length === 1);
      const sent = await monolith.api.chats.sendMessage({
        chatId: chat.id,
        blocks: [{ content: { case: "text", value: { text: "second question" } } }],
      });
      expect(sent.run?.id).toBe(chat.run?.id ?? "");
      await writeFile(join(project, "answer"), "");
      const followed = await followChat(monolith.api, chat.id);
      expect(followed.outcome).toBe(RunState.SUCCEEDED);
      expect(lastAnswer(followed)).toBe("Second answer.");
      expect(await linesOf(project, "first")).toEqual(["started"]);
    });

    test("cancels the run by Ctrl-C: the tool is gone within two seconds, the exit code is 130", async () => {
      const project = await monolith.newProject();
      const run = await monolith.run("take your time", project);
      const pid = await eventually("the tool to run", () => pidIn(project, "slow.pid"));
      process.kill(run.pid, "SIGINT");
      await eventually("the tool to end", () => !isAlive(pid), { timeoutMs: 2000 });
      expect((await run.awaitExit()).code, run.newestOutput()).toBe(130);
      expect(run.stderr).toContain("cancelled");
      expect(run.stdout).not.toContain("not to be reached");
    });

    test(
      "goes on by itself after SIGKILL in the middle of a tool, and runs it no second time",
      async () => {
        const project = await monolith.newProject();
        const run = await monolith.run("count once", project);
        await eventually("the tool to run", () => pidIn(project, "counter.pid"));
        await monolith.process.kill9();
        await monolith.restart();
        expect((await run.awaitExit(MINUTE)).code, run.newestOutput()).toBe(0);
        // The first start's process may outlive the daemon that was killed: it ends now, and changes nothing.
        await writeFile(join(project, "release"), "");
        expect(await linesOf(project, "counter")).toEqual(["x"]);
        expect(run.stderr).toContain("going on where the stream ended");
        expect(run.stdout.match(/Counting\./g)).toHaveLength(1);
        expect(run.stdout.match(/The tool told: /g)).toHaveLength(1);

        const [chat] = (await monolith.api.chats.listChats({ pageSize: 1 })).chats;
        const followed = await followChat(monolith.api, chat?.id ?? "");
        expect(followed.sequences).toEqual(countingFrom(1n, followed.sequences.length));
        expect(followed.messages.map(({ role }) => role)).toEqual([
          Role.USER,
          Role.ASSISTANT,
          Role.TOOL,
          Role.ASSISTANT,
        ]);
        expect(followed.messages.every(({ state }) => state === MessageState.COMPLETE)).toBe(true);
        const result = followed.messages[2]?.blocks[0]?.content;
        expect(result?.case === "toolResult" && result.value.state).toBe(ToolCallState.UNKNOWN);
      },
      2 * MINUTE,
    );

    test("ends a clean stop with exit code 0 and leaves neither token nor Temporal server behind", async () => {
      await monolith.process.stopCleanly();
      expect(await exists(join(monolith.dataDir, "temporal/temporal.pid"))).toBe(false);
      expect(await exists(join(monolith.dataDir, "local-server.json"))).toBe(false);
    });
  });
}

describe("the monolith's data folder and ports", () => {
  let monolith: Monolith;

  beforeAll(async () => {
    await builtExecutable();
    monolith = await startMonolith({ flags: [] });
  }, BOUNDS.buildMs);
  afterAll(() => monolith?.stop(), BOUNDS.stopMs);

  test("keeps the token in a file that its owner alone can read, in a folder of the same kind", async () => {
    expect((await stat(join(monolith.dataDir, "local-server.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(monolith.dataDir)).mode & 0o777).toBe(0o700);
  });

  test("refuses a second monolith on the same folder, and names the holder", async () => {
    const second = await runExecutable({ args: ["monolith", "--data-dir", monolith.dataDir], folder: monolith.folder });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`lock data folder ${monolith.dataDir}: process ${monolith.process.pid} uses it`);
    expect(second.stderr).toContain("--data-dir");
    // The first one is as it was.
    expect((await monolith.api.chats.listChats({})).chats).toEqual([]);
  });

  test("listens on 127.0.0.1 alone", async () => {
    const port = Number(new URL(monolith.url).port);
    expect(await answersAt("127.0.0.1", port)).toBe(true);
    expect(await answersAt("127.0.0.2", port)).toBe(false);
  });

  test("asks for the token", async () => {
    const answer = await fetch(`${monolith.url}/api/v2/chats`, { headers: { authorization: "Bearer wrong" } });
    expect(answer.status).toBe(401);
  });

  test("says what to do where no model is named", async () => {
    const run = await monolith.run("anything", await monolith.newProject());
    expect((await run.awaitExit()).code).toBe(1);
    expect(run.stderr).toContain("no model is named");
    expect(run.stderr).toContain("--model");
  });

  test("says what to do where the model's key is missing", async () => {
    const run = await monolith.run("anything", await monolith.newProject(), "--model", "anthropic/some-model");
    expect((await run.awaitExit()).code).toBe(1);
    expect(run.stderr).toContain("ANTHROPIC_API_KEY");
  });

  test("says what to do where --engine temporal finds no temporal command", async () => {
    const args = ["monolith", "--engine", "temporal", "--health-port", "0", "--api-port", "0", "--grpc-port", "0"];
    const run = await startRole({ args: [...args, "--pprof-port", "0"], env: { PATH: "/nowhere" } });
    expect((await run.awaitExit()).code).toBe(1);
    expect(run.stderr).toContain("no `temporal` command on PATH");
  });

  test("says what to do where `reliant run` finds no server", async () => {
    const run = await runExecutable({ args: ["run", "anything"] });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("reliant monolith");
  });
});

function flagsOf(temporal: TemporalServer | undefined): string[] {
  if (temporal === undefined) return [];
  const queue = `monolith-${crypto.randomUUID().slice(0, 8)}`;
  return ["--temporal-host", temporal.host, "--temporal-port", String(temporal.port), "--temporal-task-queue", queue];
}

/** What JSON lines tell; throws where one is no update. */
function updatesOf(text: string) {
  expect(text).toEndWith("\n");
  const chats: bigint[] = [];
  let outcome: RunState | undefined;
  let answer = "";
  for (const line of text.trimEnd().split("\n")) {
    const { update } = fromJsonString(StreamUserUpdatesResponseSchema, line);
    if (update.case !== "chat") continue;
    chats.push(update.value.sequence);
    const { event } = update.value;
    if (event.case === "run") outcome = event.value.state;
    const block = event.case === "message" && event.value.role === Role.ASSISTANT ? event.value.blocks[0] : undefined;
    if (block?.content.case === "text") answer = block.content.value.text;
  }
  return { chats, outcome, answer };
}

async function linesOf(folder: string, file: string): Promise<string[]> {
  return (await readFile(join(folder, file), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
}

async function pidIn(folder: string, file: string): Promise<number | undefined> {
  return Number((await linesOf(folder, file))[0]) || undefined;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function answersAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const tell = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket
      .once("connect", () => tell(true))
      .once("error", () => tell(false))
      .once("timeout", () => tell(false));
  });
}
