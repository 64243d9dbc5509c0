import type { JsonValue } from "../../src/chat/json.ts";
import type { Message } from "../../src/chat/message.ts";
import { type ModelCatalog, ModelError, type ModelEvent, type ModelRequest } from "../../src/models/model-provider.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

const WORDS = ["one ", "zwei ", "trois ", "четыре ", "五 ", "🙂 ", "seven\n"];
const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 };
/** Answers with tools to one message of the user at most: every run comes to its end. */
const TOOL_ROUNDS = 3;
/** Tools that the last message of each user needs. */
export const PROOF_CALLS = 4;

/** The model of the run: texts and tool calls by chance, in its own time; it fails and falls silent as models do. */
export function simModel(world: World, life: Life): ModelCatalog {
  return {
    resolve: (name) => ({
      provider: { stream: (request, signal) => answer(world, life, request, signal) },
      model: name,
    }),
  };
}

async function* answer(
  world: World,
  life: Life,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const { chance, faults } = world;
  await pause(life, 2 + chance.real() * 20, signal);
  if (faults.hits("model: fails")) throw new ModelError("the model is overloaded", { retryable: true });
  let index = 0;
  yield { kind: "block_started", index, block: chance.hits(0.2) ? "thinking" : "text" };
  const words = chance.between(0, chance.hits(0.1) ? 12 : 4);
  for (let word = 0; word < words; word++) {
    yield { kind: "delta", index, text: chance.oneOf(WORDS) ?? "" };
    await pause(life, faults.hits("model: slow") ? 4_000 : chance.real() * 20, signal);
    if (faults.hits("model: falls silent")) await pause(life, 10 * 60_000, signal);
    if (faults.hits("model: fails")) throw new ModelError("the stream was reset", { retryable: chance.hits(0.9) });
  }
  yield { kind: "block_ended", index };
  const calls = toolCalls(world, request.messages);
  for (let call = 0; call < calls; call++) {
    index++;
    const input = toolInput(world);
    const isProbe = world.isProving || chance.hits(0.85);
    const name = isProbe ? "probe" : chance.hits(0.7) ? "note" : chance.hits(0.7) ? "forbidden" : "unknown_tool";
    yield { kind: "tool_call_started", index, providerCallId: `toolu_${index}`, name };
    yield { kind: "delta", index, text: JSON.stringify(input) };
    yield { kind: "block_ended", index, input };
  }
  yield { kind: "finish", reason: calls > 0 ? "tool_calls" : "stop", usage: USAGE };
}

/** How many tools the model asks for: none any more while everything comes to rest. */
function toolCalls(world: World, messages: readonly Message[]): number {
  const { chance } = world;
  const sinceUser = messages.slice(messages.findLastIndex(({ role }) => role === "user"));
  const rounds = sinceUser.filter(({ role }) => role === "assistant").length;
  if (world.isProving) return rounds === 0 ? PROOF_CALLS : 0;
  return world.faults.on && rounds < TOOL_ROUNDS && chance.hits(0.85) ? chance.between(1, 6) : 0;
}

function toolInput(world: World): JsonValue {
  const { chance } = world;
  if (world.isProving) return { workMs: 5, lines: 1, fails: false };
  // Mostly quick; some work goes on beyond its time.
  const workMs = chance.hits(0.75) ? chance.between(1, 200) : chance.between(200, 25_000);
  return { workMs, lines: chance.between(1, 4), fails: chance.hits(0.15) };
}

async function pause(life: Life, ms: number, signal: AbortSignal): Promise<void> {
  await life.clock.sleep(ms, signal);
}
