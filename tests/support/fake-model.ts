import type { JsonValue } from "../../src/chat/json.ts";
import type { ModelCatalog, ModelEvent, ModelRequest } from "../../src/models/model-provider.ts";

export const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 };

/** Events of an answer that is one text. */
export function textAnswer(...pieces: readonly string[]): ModelEvent[] {
  return [
    { kind: "block_started", index: 0, block: "text" },
    ...pieces.map((text): ModelEvent => ({ kind: "delta", index: 0, text })),
    { kind: "block_ended", index: 0 },
    { kind: "finish", reason: "stop", usage: USAGE },
  ];
}

/** Events of an answer that only calls tools. */
export function toolAnswer(...calls: readonly { readonly name: string; readonly input: JsonValue }[]): ModelEvent[] {
  return [
    ...calls.flatMap(({ name, input }, index): ModelEvent[] => [
      { kind: "tool_call_started", index, providerCallId: `toolu_${index}`, name },
      { kind: "delta", index, text: JSON.stringify(input) },
      { kind: "block_ended", index, input },
    ]),
    { kind: "finish", reason: "tool_calls", usage: USAGE },
  ];
}

/** One answer that a test feeds piece by piece: `hang` never ends by itself. */
export type FakeAnswer =
  | readonly (ModelEvent | Error | "hang")[]
  | ((signal: AbortSignal) => AsyncIterable<ModelEvent>);

/** A model that gives the next of its answers each time it is asked; the last one again and again. */
export class FakeModel implements ModelCatalog {
  readonly requests: ModelRequest[] = [];

  constructor(private readonly answers: readonly FakeAnswer[]) {}

  resolve(name: string) {
    const model = name.split("/")[1] ?? name;
    const stream = (request: ModelRequest, signal: AbortSignal) => {
      const answer = this.answers[Math.min(this.requests.length, this.answers.length - 1)] ?? [];
      this.requests.push(request);
      return typeof answer === "function" ? answer(signal) : play(answer, signal);
    };
    return { provider: { stream }, model };
  }
}

async function* play(
  answer: readonly (ModelEvent | Error | "hang")[],
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  for (const step of answer) {
    signal.throwIfAborted();
    if (step === "hang") await untilAborted(signal);
    else if (step instanceof Error) throw step;
    else yield step;
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
