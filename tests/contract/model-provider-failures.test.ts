import { describe, expect, test } from "bun:test";
import type { Usage } from "../../src/chat/message.ts";
import { createModelCatalog } from "../../src/models/model-catalog.ts";
import { ModelError, type ModelEvent } from "../../src/models/model-provider.ts";
import { findFailure, PROVIDER_FAILURES } from "../../src/models/provider-failures.ts";
import { FailingServer } from "../support/failing-provider/failing-server.ts";
import type { FailingWire, Reply } from "../support/failing-provider/failing-wire.ts";
import { FAILING_WIRES } from "../support/failing-provider/failing-wires.ts";
import { failureReplies } from "../support/failing-provider/failure-replies.ts";
import { userMessage } from "./model-provider-answer.ts";

const SILENCE_MS = 1_000;

interface Outcome {
  readonly events: readonly ModelEvent[];
  readonly error: ModelError | undefined;
  readonly requests: number;
}

for (const failing of FAILING_WIRES) {
  describe(`${failing.wire.name}, as the table says`, () => {
    for (const row of PROVIDER_FAILURES) {
      const replies = failureReplies(failing)[row.kind];
      if (replies === "unreachable") {
        test(`${row.kind}: asked again`, async () => {
          const { error } = await ask(failing, await urlOfNobody());
          expectRow(error, row.kind, failing);
        });
        continue;
      }
      // The reason stands in the table of replies; where every vendor had one, the test at the end would tell.
      if ("why" in replies) continue;
      for (const [index, reply] of replies.entries()) {
        test(`${row.kind}, way ${index + 1}: ${row.next === "retry" ? "asked again" : "reported"}`, async () => {
          const { error, events, requests } = await playing(failing, reply);
          expect(requests).toBe(1);
          const finish = events.find((event) => event.kind === "finish");
          // An answer that came to its end shows what went wrong by its reason.
          const ended = finish && findFailure({ seen: finish.reason, vendor: failing.vendor });
          expect(error?.failure ?? ended?.kind).toBe(row.kind);
          expect(error?.retryable ?? false).toBe(row.next === "retry");
          expect(error?.message ?? ended?.told).toContain(toldOf(row.told, failing));
          expect(error?.code ?? ended?.code).toBe(row.code);
          expect(error?.message ?? "").not.toContain("key-of-test");
        });
      }
    }

    for (const [what, headers, atLeastMs, atMostMs] of [
      ["seconds", () => ({ "retry-after": "3" }), 3000, 3000],
      ["a date", () => ({ "retry-after": new Date(Date.now() + 5000).toUTCString() }), 3500, 5000],
      ["milliseconds", () => ({ "retry-after-ms": "1500" }), 1500, 1500],
    ] as const) {
      test(`tells how long to wait, from ${what}`, async () => {
        const { body } = failing.told.rate_limited[0] ?? { body: "" };
        const { error } = await playing(failing, { kind: "answer", status: 429, headers: headers(), body });
        expect(error?.retryAfterMs).toBeGreaterThanOrEqual(atLeastMs);
        expect(error?.retryAfterMs).toBeLessThanOrEqual(atMostMs);
      });
    }

    for (const end of ["reset", "proper", "silence"] as const) {
      test(`gives the text that had come, and the usage as far as told, before the ${end} end of half an answer`, async () => {
        const { events } = await playing(failing, { kind: "stream", text: failing.wire.cut, end });
        expect(events).toContainEqual({ kind: "delta", index: 0, text: "Let" });
        expect(usageOf(events)?.inputTokens).toBe(failing.partialUsage?.inputTokens);
      });
    }

    test("takes keep-alives for a sign of life, though no event comes for longer than a silence may last", async () => {
      const pieces = [failing.wire.cut, ...Array.from({ length: 5 }, () => ": keep-alive\n\n")];
      const { events, error } = await playing(failing, { kind: "trickle", pieces, pauseMs: SILENCE_MS / 4 });
      expect(events).toContainEqual({ kind: "delta", index: 0, text: "Let" });
      // It ends without its end, after more than the silence.
      expect(error?.failure).toBe("broke_off");
    });

    test("asks for 200 tools in one message", async () => {
      const commands = Array.from({ length: 200 }, (_, index) => `echo ${index}`);
      const { events, error } = await playing(failing, {
        ...{ kind: "stream", text: failing.calls(commands), end: "proper" },
      });
      expect(error).toBeUndefined();
      const inputs = events.flatMap((event) => (event.kind === "block_ended" ? [event.input] : []));
      expect(inputs).toEqual(commands.map((command) => ({ command })));
      expect(events.at(-1)).toMatchObject({ kind: "finish", reason: "tool_calls" });
    });

    test("ends no call that broke off in its arguments as one with an input that a tool could take", async () => {
      for (const text of [failing.callBrokenOff, failing.callTooLong]) {
        const { events } = await playing(failing, { kind: "stream", text, end: "proper" });
        const objects = events.filter((event) => event.kind === "block_ended" && typeof event.input === "object");
        const whole = failing.vendor === "google" && text === failing.callBrokenOff ? 1 : 0;
        expect(objects).toHaveLength(whole);
      }
    });
  });
}

test("each row of the table is shown by a vendor, but the one that needs no provider", () => {
  const shown = PROVIDER_FAILURES.filter(({ kind }) =>
    FAILING_WIRES.some((failing) => {
      const replies = failureReplies(failing)[kind];
      return replies === "unreachable" || !("why" in replies);
    }),
  );
  expect(PROVIDER_FAILURES.filter((row) => !shown.includes(row)).map(({ kind }) => kind)).toEqual(["unsupported"]);
});

test("each sign of the table says where it is from", () => {
  const sources = PROVIDER_FAILURES.flatMap(({ signs }) => signs.map(({ source }) => source));
  for (const source of sources) expect(source).toMatch(/^https:\/\//);
  expect(sources.length).toBeGreaterThanOrEqual(PROVIDER_FAILURES.length);
});

function expectRow(error: ModelError | undefined, kind: string, failing: FailingWire): void {
  const row = PROVIDER_FAILURES.find((each) => each.kind === kind);
  expect(error?.failure).toBe(row?.kind);
  expect(error?.retryable).toBe(row?.next === "retry");
  expect(error?.message).toContain(toldOf(row?.told ?? "?", failing));
}

function toldOf(told: string, { wire }: FailingWire): string {
  return told
    .replace("{key}", wire.keyVariable)
    .replace("{address}", wire.keyVariable.replace(/(_GENERATIVE_AI)?_API_KEY/, "_BASE_URL"));
}

function usageOf(events: readonly ModelEvent[]): Usage | undefined {
  return events.findLast((event) => event.kind === "usage")?.usage;
}

async function playing(failing: FailingWire, reply: Reply): Promise<Outcome> {
  await using server = await FailingServer.start(() => reply);
  const outcome = await ask(failing, server.url);
  return { ...outcome, requests: server.requests.length };
}

async function ask(failing: FailingWire, url: string): Promise<Outcome> {
  const catalog = createModelCatalog(failing.wire.settings(url), { silenceMs: SILENCE_MS });
  const { provider, model } = catalog.resolve(failing.wire.model);
  const events: ModelEvent[] = [];
  const request = { model, system: "", messages: [userMessage("Hello")], tools: [], chatId: "chat_1" };
  try {
    for await (const event of provider.stream(request, new AbortController().signal)) events.push(event);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { events, error, requests: 1 };
  }
  return { events, error: undefined, requests: 1 };
}

/** An address on which nobody listens any more. */
async function urlOfNobody(): Promise<string> {
  await using server = await FailingServer.start(() => ({ kind: "answer", status: 500, body: "" }));
  return server.url;
}
