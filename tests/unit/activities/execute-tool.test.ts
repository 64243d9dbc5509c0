import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { ActivityDeps, ToolSet } from "../../../src/activities/activity-deps.ts";
import type { JsonValue } from "../../../src/chat/json.ts";
import { outcomeResult } from "../../../src/chat/outcome-text.ts";
import { isOutcome } from "../../../src/chat/tool-call.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { ToolRequest } from "../../../src/routing/daemon-router.ts";
import type { Tool, ToolContext } from "../../../src/tools/tool.ts";
import { FakeModel } from "../../support/fake-model.ts";
import type { FakeChat } from "../../support/fake-turns.ts";
import { type ManualClock, settle } from "../../support/manual-clock.ts";
import { type StepsWorld, stepsWorld } from "../../support/steps-world.ts";

const TIMEOUT_MS = 30_000;

function tool(runsOn: Tool["runsOn"], run: (context: ToolContext) => ReturnType<Tool["run"]>): Tool {
  const inputSchema = z.strictObject({ path: z.string() });
  return {
    ...{ name: "look", description: "Looks.", inputSchema, runsOn },
    timeoutMs: () => TIMEOUT_MS,
    run: (_, context) => run(context),
  };
}

function toolSet(only: Tool): ToolSet {
  return {
    descriptions: [{ name: only.name, description: only.description, inputSchema: {} }],
    parse: (name, input) => {
      const parsed = only.inputSchema.safeParse(input);
      if (name !== only.name || !parsed.success) return { kind: "unfit", text: `Give look {"path": string}.` };
      return { kind: "fits", tool: only, input: parsed.data };
    },
  };
}

/** A machine in the place of the router: `finish` is its daemon's result. */
class FakeMachine {
  readonly requests: ToolRequest[] = [];
  readonly cancels: string[] = [];
  failure: Error | undefined;
  private readonly settled = Promise.withResolvers<void>();

  constructor(
    private readonly chat: FakeChat,
    private readonly clock: ManualClock,
  ) {}

  readonly router: ActivityDeps["router"] = {
    sendToolRequestSync: async (request, signal) => {
      this.requests.push(request);
      if (this.failure !== undefined) throw this.failure;
      const row = this.chat.row(request.toolCallId);
      this.chat.change(row, { kind: "dispatch" });
      if (row.daemonId === undefined) row.daemonId = request.daemonId;
      row.deadlineAtMs ??= this.clock.now() + request.timeoutMs + LIMITS.toolCallSlackMs;
      this.chat.change(row, { kind: "ready", journalId: "jrn_laptop" });
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        this.settled.promise.then(resolve);
        if (isOutcome(row.state)) resolve();
      });
      return { ...row };
    },
    cancelToolCall: async ({ id }) => {
      this.cancels.push(id);
    },
  };

  finish(ending: "finished" | "cancelled" = "finished"): void {
    const result = { text: "three files", isError: false };
    this.chat.finish({ toolCallId: "call_1", journalId: "jrn_laptop", ending, result });
    this.settled.resolve();
  }
}

function world(
  runsOn: Tool["runsOn"],
  run: (context: ToolContext) => ReturnType<Tool["run"]> = async () => ({ text: "here", isError: false }),
  more: { readonly input?: JsonValue; readonly chooseDaemon?: ActivityDeps["chooseDaemon"] } = {},
): StepsWorld & { readonly machine: FakeMachine } {
  const machines: FakeMachine[] = [];
  const made = stepsWorld({
    model: new FakeModel([]),
    tools: toolSet(tool(runsOn, run)),
    router: (chat, clock) => {
      const machine = new FakeMachine(chat, clock);
      machines.push(machine);
      return machine.router;
    },
    ...(more.chooseDaemon === undefined ? {} : { chooseDaemon: more.chooseDaemon }),
  });
  const { chat } = made;
  chat.say("look");
  const input = more.input ?? { path: "." };
  const block = { kind: "tool_call" as const, toolCallId: "call_1", providerCallId: "toolu_1", name: "look", input };
  chat.messages.push({
    ...{ id: "msg_1", chatId: chat.chatId, position: 2, role: "assistant", state: "complete" },
    ...{ blocks: [block], createdAtMs: 0 },
  });
  chat.request("msg_1", block);
  const [machine] = machines;
  if (machine === undefined) throw new Error("the world has no machine");
  return { ...made, machine };
}

function run(at: StepsWorld) {
  const runId = at.chat.run?.id ?? "";
  return at.steps.runTool({ chatId: at.chat.chatId, runId, toolCallId: "call_1" }, at.context);
}

function delivered(at: StepsWorld) {
  const block = at.chat.messages.findLast((message) => message.role === "tool")?.blocks[0];
  return block?.kind === "tool_result" ? block : undefined;
}

describe("a tool that runs on a machine", () => {
  test("is sent to the chat's daemon with the folders of the chat, and its result stands in the chat", async () => {
    const at = world("daemon");
    const running = run(at);
    await settle();
    at.machine.finish();
    const view = await running;
    expect(at.machine.requests).toEqual([
      {
        ...{ toolCallId: "call_1", chatId: at.chat.chatId, userId: "usr_ada", daemonId: "dmn_laptop" },
        ...{ toolName: "look", inputJson: '{"path":"."}', timeoutMs: TIMEOUT_MS },
        roots: ["/home/ada/shop-fix", "/home/ada/shop"],
      },
    ]);
    expect(delivered(at)).toMatchObject({ outcome: "succeeded", result: { text: "three files" } });
    expect(view.answer?.openToolCallIds).toEqual([]);
  });

  test("is only delivered when the ledger has its outcome already", async () => {
    const at = world("daemon");
    await at.chat.toolCalls.endBeforeRunning({ toolCallId: "call_1", outcome: "denied", reason: "not allowed" });
    await run(at);
    expect(at.machine.requests).toEqual([]);
    expect(delivered(at)).toMatchObject({ outcome: "denied", result: { text: "not allowed", isError: true } });
  });

  test("stays with the daemon that it was dispatched to when another worker takes over", async () => {
    const at = world("daemon", undefined, { chooseDaemon: async () => ({ id: "dmn_newer", platform: "linux-x64" }) });
    at.chat.row("call_1").daemonId = "dmn_laptop";
    at.chat.change(at.chat.row("call_1"), { kind: "dispatch" });
    const running = run(at);
    await settle();
    at.machine.finish();
    await running;
    expect(at.machine.requests.map((request) => request.daemonId)).toEqual(["dmn_laptop"]);
  });

  test("fails with words on how to connect one when no machine is connected", async () => {
    const at = world("daemon", undefined, { chooseDaemon: async () => undefined });
    await run(at);
    expect(delivered(at)).toMatchObject({ outcome: "failed" });
    expect(delivered(at)?.result.text).toContain("reliant daemon start");
  });

  test("names the machine that the chat works on when the user has it no more", async () => {
    const at = world("daemon", undefined, { chooseDaemon: async () => undefined });
    at.chat.chat.daemonId = "dmn_sold";
    await run(at);
    expect(delivered(at)?.result.text).toContain("dmn_sold");
  });

  test("is told to cancel again and again until the ledger has an outcome", async () => {
    const at = world("daemon");
    const running = run(at);
    await settle();
    at.chat.requestCancel();
    at.cancelled.abort();
    await at.clock.advance(2 * LIMITS.ledgerPollMs);
    expect(at.machine.cancels).toEqual(["call_1", "call_1", "call_1"]);
    at.machine.finish("cancelled");
    await running;
    expect(delivered(at)?.outcome).toBe("cancelled");
    await at.clock.advance(10 * LIMITS.ledgerPollMs);
    expect(at.machine.cancels).toHaveLength(3);
  });

  test("is not cancelled by a signal for a run that nobody cancelled", async () => {
    const at = world("daemon");
    const running = run(at);
    at.cancelled.abort();
    await at.clock.advance(2 * LIMITS.ledgerPollMs);
    at.machine.finish();
    await running;
    expect(at.machine.cancels).toEqual([]);
    expect(delivered(at)?.outcome).toBe("succeeded");
  });

  test("is cancelled by the worker that takes over after the cancel", async () => {
    const at = world("daemon");
    const row = at.chat.row("call_1");
    at.chat.change(row, { kind: "dispatch" });
    at.chat.change(row, { kind: "ready", journalId: "jrn_laptop" });
    row.daemonId = "dmn_laptop";
    at.chat.requestCancel();
    const running = run(at);
    await settle();
    expect(at.machine.cancels).toEqual(["call_1"]);
    at.machine.finish("cancelled");
    await running;
  });

  test("is waited for as long as its delivery goes on, which knows when to give up", async () => {
    const at = world("daemon");
    const running = run(at);
    await at.clock.advance(TIMEOUT_MS + LIMITS.toolCallSlackMs + 2 * LIMITS.unknownAfterDeadlineMs);
    expect(at.chat.row("call_1").state).toBe("running");
    at.stopping.abort();
    await expect(running).rejects.toMatchObject({ code: "unavailable" });
  });

  test("goes back to the engine when the way to the machine is away", async () => {
    const at = world("daemon");
    at.machine.failure = new ReliantError("unavailable", "NATS is away");
    await expect(run(at)).rejects.toThrow("NATS is away");
    expect(delivered(at)).toBeUndefined();
  });

  test("is left to the next worker when this process stops", async () => {
    const at = world("daemon");
    const running = run(at);
    await settle();
    at.stopping.abort();
    await expect(running).rejects.toMatchObject({ code: "unavailable" });
    expect(at.chat.row("call_1").state).toBe("running");
  });
});

describe("a call that does not fit", () => {
  test("is not run, and the model reads what fits", async () => {
    const at = world("daemon", undefined, { input: { file: "." } });
    await run(at);
    expect(at.machine.requests).toEqual([]);
    expect(delivered(at)).toMatchObject({ outcome: "failed", result: { text: 'Give look {"path": string}.' } });
  });

  test("is not run where its input is no JSON, and the model reads that it was cut", async () => {
    const at = world("daemon", undefined, { input: '{"path":"src' });
    await run(at);
    expect(at.machine.requests).toEqual([]);
    expect(delivered(at)?.result.text).toContain("after 12 characters it was cut off");
    expect(delivered(at)?.result.text).toContain("Nothing was run. Ask again");
  });

  test("is refused when its input is too large", async () => {
    const at = world("daemon", undefined, { input: { path: "x".repeat(LIMITS.toolInputBytes) } });
    await run(at);
    expect(delivered(at)?.result.text).toContain("Do it in smaller parts");
  });

  test("is not run after the run was cancelled", async () => {
    const at = world("daemon");
    if (at.chat.run !== undefined) at.chat.run.cancelRequested = true;
    await run(at);
    expect(at.machine.requests).toEqual([]);
    expect(delivered(at)).toMatchObject({ outcome: "cancelled", result: outcomeResult("cancelled") });
  });
});

describe("a tool that needs no machine", () => {
  test("runs in this process", async () => {
    const at = world("anywhere");
    await run(at);
    expect(at.machine.requests).toEqual([]);
    expect(delivered(at)).toMatchObject({ outcome: "succeeded", result: { text: "here" } });
  });

  test("fails with its words when it throws", async () => {
    const at = world("server", async () => Promise.reject(new Error("no such index")));
    await run(at);
    expect(delivered(at)).toMatchObject({
      outcome: "failed",
      result: { text: "The tool could not be run: no such index", isError: true },
    });
  });

  test("gives a result without half characters, and no more than the ledger takes", async () => {
    const text = `\ud83d${"x".repeat(LIMITS.toolResultTextBytes)}`;
    const at = world("server", async () => ({ text, isError: false }));
    await run(at);
    const said = delivered(at)?.result.text ?? "";
    expect(said).toStartWith("\ufffdx");
    expect(Buffer.byteLength(said)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(said).toContain("bytes left out]");
  });

  test("is stopped when its time is over, though it does not listen", async () => {
    const at = world("server", () => new Promise(() => undefined));
    const running = run(at);
    await at.clock.advance(TIMEOUT_MS + LIMITS.toolHereStopMs);
    await running;
    expect(delivered(at)).toMatchObject({ outcome: "timed_out", result: outcomeResult("timed_out") });
  });

  test("keeps what it had when it is cancelled", async () => {
    const at = world("server", async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return { text: "two of five", isError: false };
    });
    const running = run(at);
    await settle();
    at.chat.requestCancel();
    at.cancelled.abort();
    await running;
    expect(delivered(at)?.outcome).toBe("cancelled");
    expect(delivered(at)?.result.text).toEndWith("two of five");
  });

  test("is cancelled as the store says, though a signal of an earlier run came before and none comes now", async () => {
    const at = world("server", async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return { text: "", isError: false };
    });
    const running = run(at);
    await settle();
    at.cancelled.abort();
    await settle();
    at.chat.requestCancel();
    await at.clock.advance(LIMITS.ledgerPollMs);
    await running;
    expect(delivered(at)?.outcome).toBe("cancelled");
    expect(at.clock.now()).toBeLessThan(1_000_000 + TIMEOUT_MS);
  });

  test("ends with a result that says so when this process stops", async () => {
    const at = world("server", () => new Promise(() => undefined));
    const running = run(at);
    await settle();
    at.stopping.abort();
    await at.clock.advance(LIMITS.toolHereStopMs);
    await running;
    expect(delivered(at)).toMatchObject({ outcome: "failed" });
    expect(delivered(at)?.result.text).toContain("was stopped in the middle");
  });

  test("is never run a second time: the attempt that takes over waits, and then says that nobody knows", async () => {
    let runs = 0;
    const at = world("server", async () => {
      runs++;
      return { text: "here", isError: false };
    });
    await at.chat.toolCalls.startHere({
      ...{ toolCallId: "call_1", journalId: "wrk_dead", timeoutMs: TIMEOUT_MS },
      deadlineAtMs: at.clock.now() + TIMEOUT_MS + LIMITS.toolHereSlackMs,
    });
    const running = run(at);
    await at.clock.advance(TIMEOUT_MS + LIMITS.toolHereSlackMs);
    await running;
    expect(runs).toBe(0);
    expect(delivered(at)?.outcome).toBe("unknown");
  });

  test("lets the attempt that started it report, however late another one came", async () => {
    const at = world("server");
    await at.chat.toolCalls.startHere({
      ...{ toolCallId: "call_1", journalId: "wrk_first", timeoutMs: TIMEOUT_MS },
      deadlineAtMs: at.clock.now() + TIMEOUT_MS,
    });
    const running = run(at);
    await settle();
    const result = { text: "from the first", isError: false };
    at.chat.finish({ toolCallId: "call_1", journalId: "wrk_first", ending: "finished", result });
    await at.clock.advance(LIMITS.ledgerPollMs);
    await running;
    expect(delivered(at)?.result.text).toBe("from the first");
  });

  test("shows its output as it comes", async () => {
    const at = world("server", async ({ output }) => {
      output("stdout", Buffer.from("one"));
      output("stdout", Buffer.from("two"));
      return { text: "done", isError: false };
    });
    await run(at);
    const chunks = at.events.flatMap((event) => (event.kind === "tool_output" ? [event.chunk] : []));
    expect(chunks.map((chunk) => [chunk.offset, atob(chunk.data)])).toEqual([
      [0, "one"],
      [3, "two"],
    ]);
  });
});
