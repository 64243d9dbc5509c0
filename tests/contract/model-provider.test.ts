import { describe, expect, test } from "bun:test";
import { createModelCatalog } from "../../src/models/model-catalog.ts";
import { ModelError, type ModelEvent, type ModelRequest } from "../../src/models/model-provider.ts";
import { answerOf, assistantMessage, resultsMessage, userMessage } from "./model-provider-answer.ts";
import { inPieces, ModelServer } from "./model-provider-server.ts";
import { type ProviderWire, TOOL_INPUT_SCHEMA } from "./model-provider-wire.ts";
import { anthropicWire } from "./model-provider-wire-anthropic.ts";
import { compatibleWire, openaiChatWire } from "./model-provider-wire-chat.ts";
import { googleWire } from "./model-provider-wire-google.ts";
import { openaiResponsesWire } from "./model-provider-wire-openai-responses.ts";

const WIRES = [anthropicWire, openaiResponsesWire, openaiChatWire, googleWire, compatibleWire];
const NEVER = new AbortController().signal;

for (const wire of WIRES) {
  describe(wire.name, () => {
    test("streams an answer with a tool call, is sent the result, and answers with text", async () => {
      await using server = new ModelServer();
      server.willAnswer(
        { kind: "stream", pieces: inPieces(wire.toolTurn) },
        { kind: "stream", pieces: inPieces(wire.answer) },
      );
      const ask = asking(wire, server);
      const question = userMessage("Which files are here?");

      const first = await answerOf(ask([question]));
      const thinking = wire.thinking === "" ? [] : [expect.objectContaining({ kind: "thinking", text: wire.thinking })];
      expect(first.blocks).toEqual([
        ...thinking,
        expect.objectContaining({ kind: "text", text: "Let me look." }),
        expect.objectContaining({
          kind: "tool_call",
          name: "shell",
          input: { command: "ls -l" },
          providerCallId: wire.callId ?? expect.stringMatching(/./),
        }),
      ]);
      expect(first.reason).toBe("tool_calls");
      expect(first.usage).toEqual(wire.toolTurnUsage);

      const answer = assistantMessage(first.blocks, wire.model);
      const second = await answerOf(ask([question, answer, resultsMessage(first.blocks, { text: "a.txt" })]));
      expect(second.blocks).toEqual([expect.objectContaining({ kind: "text", text: "There is one file." })]);
      expect(second.reason).toBe("stop");

      const [keyName, keyValue] = wire.keyHeader;
      expect(server.requests).toHaveLength(2);
      for (const request of server.requests) {
        expect(request.path).toBe(wire.path);
        expect(request.headers.get(keyName)).toBe(keyValue);
        expect(request.headers.get("content-type")).toBe("application/json");
      }
      expect(server.request(0).body).toMatchObject(wire.firstBody);
      expect(server.request(1).body).toMatchObject(wire.secondBody);
    });

    test("tells a wrong key's variable, and never the key", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "error", status: 401, body: wire.error(401, "bad key: key-of-test") });
      const error = await failureOf(asking(wire, server)([userMessage("Hello")]));
      expect(error.retryable).toBe(false);
      expect(error.message).toContain(wire.keyVariable);
      expect(error.message).toContain(wire.model);
      expect(error.message).toContain("401");
      expect(error.message).toContain("bad key: ***");
      expect(error.message).not.toContain("key-of-test");
    });

    test("sends no key where a proxy adds it", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: inPieces(wire.answer) });
      const settings = Object.entries(wire.settings(server.url)).filter(([name]) => !name.endsWith("ApiKey"));
      const { provider, model } = createModelCatalog(Object.fromEntries(settings)).resolve(wire.model);
      const answer = await answerOf(provider.stream(requestOf(model, [userMessage("Hello")]), NEVER));
      expect(answer.reason).toBe("stop");
      expect(server.request(0).headers.get(wire.keyHeader[0])).toBeNull();
    });

    test("does not take its key to where it is redirected", async () => {
      await using elsewhere = new ModelServer();
      await using server = new ModelServer();
      server.willAnswer({ kind: "error", status: 307, headers: { location: elsewhere.url }, body: "" });
      const error = await failureOf(asking(wire, server)([userMessage("Hello")]));
      expect(error.retryable).toBe(false);
      expect(error.message).toContain(elsewhere.url);
      expect(elsewhere.requests).toHaveLength(0);
    });

    test("tells how long a provider that is too busy asks to wait", async () => {
      await using server = new ModelServer();
      const body = wire.error(429, "slow down");
      server.willAnswer({ kind: "error", status: 429, headers: { "Retry-After": "7" }, body });
      const error = await failureOf(asking(wire, server)([userMessage("Hello")]));
      expect(error.retryable).toBe(true);
      expect(error.retryAfterMs).toBe(7000);
      expect(error.message).toContain("slow down");
      expect(server.requests).toHaveLength(1);
    });

    test("gives what had come before a malformed event, then a retryable error", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: inPieces(wire.malformed) });
      const { events, error } = await eventsUntilFailure(asking(wire, server)([userMessage("Hello")]));
      expect(events).toContainEqual({ kind: "delta", index: 0, text: "Let" });
      expect(error.retryable).toBe(true);
      expect(error.message).toContain("not JSON");
    });

    test("says that an answer without its end was cut, and that it may be asked for again", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: inPieces(wire.cut) });
      const { events, error } = await eventsUntilFailure(asking(wire, server)([userMessage("Hello")]));
      expect(events).toContainEqual({ kind: "delta", index: 0, text: "Let" });
      expect(events.map((event) => event.kind)).not.toContain("finish");
      expect(error.retryable).toBe(true);
    });

    test("says that an empty answer was cut", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: [] });
      expect((await failureOf(asking(wire, server)([userMessage("Hello")]))).retryable).toBe(true);
    });

    test("ends the request when it is aborted in the middle of the answer", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: [wire.cut], open: true });
      const cancel = new AbortController();
      const reason = new Error("the user cancelled");
      const failing = eventsUntil(asking(wire, server, cancel.signal)([userMessage("Hello")]), "delta", () => {
        cancel.abort(reason);
      });
      expect(await failing).toBe(reason);
      await server.request(0).aborted;
    });

    test("ends the request when the reader of the events stops", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: [wire.cut], open: true });
      for await (const event of asking(wire, server)([userMessage("Hello")])) if (event.kind === "delta") break;
      await server.request(0).aborted;
    });

    test("makes no request for a signal that has aborted", async () => {
      await using server = new ModelServer();
      const aborted = AbortSignal.abort(new Error("too late"));
      const failure = await rejection(answerOf(asking(wire, server, aborted)([userMessage("Hello")])));
      expect(failure).toBe(aborted.reason);
      expect(server.requests).toHaveLength(0);
    });

    test("gives up on a provider that goes silent in the middle of its answer", async () => {
      await using server = new ModelServer();
      server.willAnswer({ kind: "stream", pieces: [wire.cut], open: true });
      const ask = asking(wire, server, NEVER, 60);
      const { error } = await eventsUntilFailure(ask([userMessage("Hello")]));
      expect(error.retryable).toBe(true);
      expect(error.message).toContain("nothing came");
      await server.request(0).aborted;
    });

    test("says where it could not connect to", async () => {
      const url = await urlOfNobody();
      const catalog = createModelCatalog(wire.settings(url));
      const { provider, model } = catalog.resolve(wire.model);
      const error = await failureOf(provider.stream(requestOf(model, [userMessage("Hello")]), NEVER));
      expect(error.retryable).toBe(true);
      expect(error.message).toContain(url);
      expect(error.message).toMatch(/_BASE_URL/);
    });
  });
}

for (const wire of WIRES.filter(({ midStreamError }) => midStreamError !== undefined)) {
  test(`${wire.name}: an error in the middle of the stream that will pass may be asked again`, async () => {
    await using server = new ModelServer();
    server.willAnswer({ kind: "stream", pieces: inPieces(wire.midStreamError ?? "") });
    const { events, error } = await eventsUntilFailure(asking(wire, server)([userMessage("Hello")]));
    expect(events).toContainEqual({ kind: "delta", index: 0, text: "Let" });
    expect(error.retryable).toBe(true);
    expect(error.message).toMatch(/overloaded|had an error/i);
  });
}

function requestOf(model: string, messages: ModelRequest["messages"]): ModelRequest {
  return {
    model,
    system: "You help.",
    messages,
    tools: [{ name: "shell", description: "Runs a command.", inputSchema: TOOL_INPUT_SCHEMA }],
    chatId: "chat_1",
  };
}

function asking(wire: ProviderWire, server: ModelServer, signal: AbortSignal = NEVER, silenceMs?: number) {
  const catalog = createModelCatalog(wire.settings(server.url), silenceMs === undefined ? {} : { silenceMs });
  const { provider, model } = catalog.resolve(wire.model);
  return (messages: ModelRequest["messages"]) => provider.stream(requestOf(model, messages), signal);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("no failure came");
}

async function failureOf(events: AsyncIterable<ModelEvent>): Promise<ModelError> {
  return (await eventsUntilFailure(events)).error;
}

async function eventsUntilFailure(events: AsyncIterable<ModelEvent>) {
  const seen: ModelEvent[] = [];
  const error = await rejection(
    (async () => {
      for await (const event of events) seen.push(event);
    })(),
  );
  if (!(error instanceof ModelError)) throw new Error("not a ModelError", { cause: error });
  return { events: seen, error };
}

async function eventsUntil(events: AsyncIterable<ModelEvent>, kind: ModelEvent["kind"], then: () => void) {
  return rejection(
    (async () => {
      for await (const event of events) if (event.kind === kind) then();
    })(),
  );
}

/** An address on which nobody listens any more. */
async function urlOfNobody(): Promise<string> {
  await using server = new ModelServer();
  return server.url;
}
