import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { CallResult_Ending, Output_Channel, Refused_Reason } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";
import { DaemonWorld } from "./daemon-world.ts";

setDefaultTimeout(30_000);

const A = "call_a";

describe("a daemon before a gateway", () => {
  test("says hello with its token and with what it is", async () => {
    await using world = await DaemonWorld.create();
    const { hello } = await world.start();
    expect(world.gateway.authorizations).toEqual(["Bearer rlnt_pat_test"]);
    expect(hello).toMatchObject({
      daemonId: "",
      userId: "usr_1",
      instanceId: "ins_1",
      startCount: 1n,
      lastEpoch: 0n,
      protocolVersion: 1,
      name: "laptop",
      labels: { os: "test" },
    });
    expect(hello.capabilities).toContain("tool:shell");
    await eventually("the state to be connected", () => world.state?.link.kind === "connected");
  });

  test("runs a shell command that was granted, with live output, and tells its result until the ack", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offer(connection, A, "printf out; printf err >&2; exit 3");
    await world.grant(connection, A);
    const result = await connection.next("result");
    expect(result).toMatchObject({ toolCallId: A, journalId: connection.hello.journalId });
    expect(result.ending).toBe(CallResult_Ending.FINISHED);
    expect(result.result).toMatchObject({ isError: true });
    expect(JSON.parse(result.result?.detailsJson ?? "")).toMatchObject({ exitCode: 3 });
    const output = connection.all("output");
    const text = (channel: Output_Channel) =>
      Buffer.concat(output.filter((chunk) => chunk.channel === channel).map(({ data }) => data)).toString();
    expect([text(Output_Channel.STDOUT), text(Output_Channel.STDERR)]).toEqual(["out", "err"]);
    connection.send({ case: "ack", value: { toolCallId: A } });
    await eventually("the call to be closed", () => world.state?.openCalls === 0);
  });

  test("works in the chat's folder", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offerTool(connection, A, "read_file", { path: "README.md" });
    await world.grant(connection, A);
    expect((await connection.next("result")).result?.text).toContain("# Project");
  });

  for (const [name, tool, input, roots, text] of [
    ["a tool that there is not", "telepathy", {}, undefined, /telepathy/],
    ["an input that does not fit", "shell", { command: 7 }, undefined, /command/],
    ["a folder that is not there", "shell", { command: "true" }, ["/nowhere/at/all"], /does not exist on this machine/],
    ["no folder", "shell", { command: "true" }, [], /no project folder/],
  ] as const) {
    test(`tells the model of ${name} in a result`, async () => {
      await using world = await DaemonWorld.create();
      const connection = await world.start();
      world.offerTool(connection, A, tool, input, 1000, roots === undefined ? undefined : [...roots]);
      await world.grant(connection, A);
      const { ending, result } = await connection.next("result");
      expect([ending, result?.isError]).toEqual([CallResult_Ending.FINISHED, true]);
      expect(result?.text).toMatch(text);
    });
  }

  test("ends a tool whose time is over, and gives what it had said", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offer(connection, A, "echo before; sleep 300", 300);
    await world.grant(connection, A);
    const { ending, result } = await connection.next("result");
    expect(ending).toBe(CallResult_Ending.TIMED_OUT);
    expect(result?.text).toContain("before");
  });

  test("ends a running tool that is cancelled", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offer(connection, A, "echo begun; sleep 300");
    await world.grant(connection, A);
    await connection.next("output");
    connection.send({ case: "cancel", value: { toolCallId: A, kill: false } });
    const { ending, result } = await connection.next("result");
    expect(ending).toBe(CallResult_Ending.CANCELLED);
    expect(result?.text).toContain("begun");
  });

  test("goes on with its tool through the loss of the connection, and tells the result on the next one", async () => {
    await using world = await DaemonWorld.create();
    const first = await world.start();
    world.offer(first, A, "while ! test -e go; do sleep 0.02; done; echo finished");
    await world.grant(first, A);
    await eventually("the tool to run", () => world.state?.runningCalls === 1);
    world.gateway.cut();
    const second = await world.gateway.connection(1);
    expect(second.hello).toMatchObject({ lastEpoch: 1n, runningToolCallIds: [A], daemonId: "dmn_given" });
    expect(second.hello.journalId).toBe(first.hello.journalId);
    second.welcome(2);
    await Bun.write(join(world.project, "go"), "");
    expect((await second.next("result")).result?.text).toContain("finished");
  });

  test("comes back when its gateway is away for a while", async () => {
    await using world = await DaemonWorld.create();
    world.gateway.refuseWith = new ConnectError("later", Code.Unavailable);
    await world.daemon.start();
    await eventually("some attempts", () => world.gateway.authorizations.length >= 2);
    expect(world.states.some(({ link }) => link.kind === "waiting")).toBe(true);
    world.gateway.refuseWith = undefined;
    (await world.gateway.connection(0)).welcome(1);
    await eventually("the state to be connected", () => world.state?.link.kind === "connected");
  });

  test("connects anew when its gateway is about to stop, and only then leaves it", async () => {
    await using world = await DaemonWorld.create();
    const first = await world.start();
    world.offer(first, A, "while ! test -e go; do sleep 0.02; done");
    await world.grant(first, A);
    first.send({ case: "drain", value: { withinMs: 100n } });
    const second = await world.gateway.connection(1);
    expect(first.ended).toBe(false);
    second.welcome(2);
    await eventually("the first connection to end", () => first.ended);
    await Bun.write(join(world.project, "go"), "");
    await second.next("result");
    expect(first.all("result")).toEqual([]);
    await eventually("one TCP connection to be left", () => world.gateway.openSessions === 1);
  });

  test("says hello again with the epoch in force", async () => {
    await using world = await DaemonWorld.create();
    await world.daemon.start();
    const first = await world.gateway.connection(0);
    first.send({ case: "refused", value: { reason: Refused_Reason.EPOCH, currentEpoch: 41n, message: "" } });
    const second = await world.gateway.connection(1);
    expect(second.hello.lastEpoch).toBe(41n);
  });

  test("takes a new journal id where its journal is a restored backup", async () => {
    await using world = await DaemonWorld.create();
    await world.daemon.start();
    const first = await world.gateway.connection(0);
    first.send({ case: "refused", value: { reason: Refused_Reason.JOURNAL, message: "" } });
    const second = await world.gateway.connection(1);
    expect(second.hello.journalId).not.toBe(first.hello.journalId);
  });

  for (const [reason, message, hint] of [
    [Refused_Reason.REPLACED, /another process took this daemon's place/, /data-dir/],
    [Refused_Reason.PROTOCOL, /another protocol version/, /install/],
    [Refused_Reason.IDENTITY, /not this user's/, /--user-id/],
    [Refused_Reason.TOKEN, /does not take the token/, /daemon register/],
  ] as const) {
    test(`stops, and says what to do, where it is refused for ${Refused_Reason[reason]}`, async () => {
      await using world = await DaemonWorld.create();
      await world.daemon.start();
      const connection = await world.gateway.connection(0);
      connection.send({ case: "refused", value: { reason, message: "" } });
      const error = await world.daemon.ended().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    });
  }

  test("stops where the token is revoked in the middle of a connection, and ends what runs", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offer(connection, A, "sleep 300");
    await world.grant(connection, A);
    await eventually("the tool to run", () => world.state?.runningCalls === 1);
    connection.send({ case: "refused", value: { reason: Refused_Reason.TOKEN, message: "revoked" } });
    await expect(world.daemon.ended()).rejects.toThrow(/does not take the token: revoked/);
    expect(world.state?.runningCalls).toBe(0);
  });

  test("stops where the gateway answers that the token does not hold", async () => {
    await using world = await DaemonWorld.create();
    world.gateway.refuseWith = new ConnectError("no such token", Code.Unauthenticated);
    await world.daemon.start();
    await expect(world.daemon.ended()).rejects.toThrow(/no such token/);
  });

  test("lets control frames overtake a flood of output, and the model gets a bounded result", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    world.offer(connection, A, "head -c 30000000 /dev/zero | tr '\\0' 'x'");
    world.offer(connection, "call_b", "true");
    await world.grant(connection, A);
    await world.grant(connection, "call_b");
    const result = await connection.next("result", ({ toolCallId }) => toolCallId === A);
    expect(result.result?.text.length).toBeLessThan(64 * 1024);
    expect(await readdir(world.outputs)).toContain(`${A}.log`);
    const output = connection.all("output").filter(({ toolCallId }) => toolCallId === A);
    const sentBytes = output.reduce((sum, { data }) => sum + data.length, 0);
    const lostBytes = output.reduce((sum, { gapBytes }) => sum + Number(gapBytes), 0);
    expect(sentBytes).toBeLessThanOrEqual(512 * 1024);
    expect(sentBytes + lostBytes).toBe(30_000_000);
  });

  test("counts frames that it does not know, over all its connections, for its status", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    expect(world.state?.unknownFrames).toBe(0);
    connection.send({ case: undefined });
    await eventually("the first to be counted", () => world.state?.unknownFrames === 1);
    connection.send({ case: undefined });
    await eventually("the second to be counted", () => world.state?.unknownFrames === 2);
  });

  test("reads its policy again when it is told to, and keeps the old one where the new one is faulty", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    await Bun.write(world.policyPath, "denied_tools: [shell]\n");
    connection.send({ case: "command", value: { commandId: "cmd_1", command: { case: "loadConfig", value: {} } } });
    expect(await connection.next("commandResult")).toMatchObject({ commandId: "cmd_1", ok: true });
    await Bun.write(world.policyPath, "denied_tools: 7\nmood: bad\n");
    connection.send({ case: "command", value: { commandId: "cmd_2", command: { case: "loadConfig", value: {} } } });
    const answer = await connection.next("commandResult", ({ commandId }) => commandId === "cmd_2");
    expect(answer.ok).toBe(false);
    expect(answer.message).toMatch(/denied_tools[\s\S]*mood|mood[\s\S]*denied_tools/);
    world.offer(connection, A, "true");
    expect(await connection.next("result")).toMatchObject({ ending: CallResult_Ending.DENIED });
  });

  test("ends in good order: what runs is cancelled, told, and acked; what is not acked is told by the next start", async () => {
    await using world = await DaemonWorld.create();
    const first = await world.start();
    for (const id of [A, "call_b"]) {
      world.offer(first, id, "sleep 300");
      await world.grant(first, id);
    }
    await eventually("both to run", () => world.state?.runningCalls === 2);
    const stopping = world.restart();
    const told = await first.next("result", ({ toolCallId }) => toolCallId === A);
    expect(told.ending).toBe(CallResult_Ending.CANCELLED);
    await first.next("result", ({ toolCallId }) => toolCallId === "call_b");
    first.send({ case: "ack", value: { toolCallId: A } });
    first.close();
    await stopping;
    await eventually("the TCP connection to end", () => world.gateway.openSessions === 0);
    const second = await world.start();
    expect(second.hello).toMatchObject({ startCount: 2n, instanceId: "ins_2", lastEpoch: 0n });
    expect(await second.next("result")).toMatchObject({ toolCallId: "call_b", ending: CallResult_Ending.CANCELLED });
    expect(second.all("result").map(({ toolCallId }) => toolCallId)).toEqual(["call_b"]);
  });

  test("may be started once only on one journal", async () => {
    await using world = await DaemonWorld.create();
    await world.start();
    await world.daemon.start();
    expect(world.gateway.connections).toHaveLength(1);
  });
});
