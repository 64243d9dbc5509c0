import type { LanguageModelV4StreamPart, LanguageModelV4Usage, SharedV4ProviderMetadata } from "@ai-sdk/provider";
import type { JsonValue } from "../chat/json.ts";
import type { Usage } from "../chat/message.ts";
import { jsonOf, jsonOrText } from "./json-border.ts";
import type { FinishReason, ModelEvent } from "./model-provider.ts";

type Finish = Extract<LanguageModelV4StreamPart, { type: "finish" }>;
type BlockKind = "text" | "thinking";

/** A block under way. Text and thinking get their number with their first text: providers open blocks that stay empty. */
interface OpenBlock {
  index: number | undefined;
  metadata: SharedV4ProviderMetadata;
}

/** How the provider says that its answer ended, where that is not a proper end. */
export type BrokenEnd =
  | { readonly kind: "cut" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "error_part"; readonly error: unknown };

/** Turns one stream of the SDK's parts into our events. Pure: parts in, events out; a broken end is thrown by the caller. */
export class AiSdkEvents {
  private readonly open = new Map<string, OpenBlock>();
  private nextIndex = 0;
  private toolCalls = 0;
  private ended = false;
  private brokenEnd: BrokenEnd | undefined;

  /** `usageIn`: what a raw event of the provider says of usage. */
  constructor(private readonly usageIn: (event: unknown) => Usage | undefined = () => undefined) {}

  /** Set when the answer is broken: no more events come. */
  get broken(): BrokenEnd | undefined {
    return this.brokenEnd;
  }

  /** True after the `finish` event. */
  get finished(): boolean {
    return this.ended;
  }

  push(part: LanguageModelV4StreamPart): ModelEvent[] {
    if (this.ended || this.brokenEnd !== undefined) return [];
    switch (part.type) {
      case "text-start":
        return this.begin("text", part.id, part.providerMetadata);
      case "reasoning-start":
        return this.begin("thinking", part.id, part.providerMetadata);
      case "text-delta":
        return this.delta("text", part.id, part.delta, part.providerMetadata);
      case "reasoning-delta":
        return this.delta("thinking", part.id, part.delta, part.providerMetadata);
      case "text-end":
        return this.end("text", part.id, part.providerMetadata);
      case "reasoning-end":
        return this.end("thinking", part.id, part.providerMetadata);
      case "tool-input-start":
        if (part.providerExecuted === true) return [];
        return this.beginCall(part.id, part.toolName, part.providerMetadata);
      case "tool-input-delta":
        return this.callDelta(part.id, part.delta, part.providerMetadata);
      case "tool-input-end":
        this.callDelta(part.id, "", part.providerMetadata);
        return [];
      case "tool-call":
        if (part.providerExecuted === true) return [];
        return this.endCall(part.toolCallId, part.toolName, part.input, part.providerMetadata);
      case "file":
      case "reasoning-file":
        return this.note(`[The model made a file of type ${part.mediaType}, which is not kept.]`);
      case "raw":
        return countedUsage(this.usageIn(part.rawValue));
      case "error":
        this.brokenEnd = { kind: "error_part", error: part.error };
        return [];
      case "finish":
        return this.finish(part);
      default:
        // Sources, warnings, pings, the response's own id, tools that the provider runs: not asked for.
        return [];
    }
  }

  private begin(kind: BlockKind, id: string, metadata: SharedV4ProviderMetadata | undefined): ModelEvent[] {
    const events = this.open.has(`${kind} ${id}`) ? this.end(kind, id, undefined) : [];
    this.open.set(`${kind} ${id}`, { index: undefined, metadata: { ...metadata } });
    return events;
  }

  private delta(
    kind: BlockKind,
    id: string,
    text: string,
    metadata: SharedV4ProviderMetadata | undefined,
  ): ModelEvent[] {
    const block = this.blockOf(kind, id);
    merge(block.metadata, metadata);
    if (text === "") return [];
    const started = this.number(block, kind);
    return [...started.events, { kind: "delta", index: started.index, text }];
  }

  private end(kind: BlockKind, id: string, metadata: SharedV4ProviderMetadata | undefined): ModelEvent[] {
    const block = this.blockOf(kind, id);
    this.open.delete(`${kind} ${id}`);
    merge(block.metadata, metadata);
    const data = providerData(block.metadata);
    if (block.index === undefined && data === undefined) return [];
    const started = this.number(block, kind);
    return [
      ...started.events,
      { kind: "block_ended", index: started.index, ...(data === undefined ? {} : { providerData: data }) },
    ];
  }

  private blockOf(kind: BlockKind, id: string): OpenBlock {
    const open = this.open.get(`${kind} ${id}`);
    if (open !== undefined) return open;
    const block: OpenBlock = { index: undefined, metadata: {} };
    this.open.set(`${kind} ${id}`, block);
    return block;
  }

  private number(block: OpenBlock, kind: BlockKind): { readonly index: number; readonly events: ModelEvent[] } {
    if (block.index !== undefined) return { index: block.index, events: [] };
    const index = this.nextIndex++;
    block.index = index;
    return { index, events: [{ kind: "block_started", index, block: kind }] };
  }

  private beginCall(id: string, name: string, metadata: SharedV4ProviderMetadata | undefined): ModelEvent[] {
    const index = this.nextIndex++;
    this.toolCalls++;
    this.open.set(`call ${id}`, { index, metadata: { ...metadata } });
    return [{ kind: "tool_call_started", index, providerCallId: id, name }];
  }

  private callDelta(id: string, text: string, metadata: SharedV4ProviderMetadata | undefined): ModelEvent[] {
    const call = this.open.get(`call ${id}`);
    if (call?.index === undefined) return [];
    merge(call.metadata, metadata);
    return text === "" ? [] : [{ kind: "delta", index: call.index, text }];
  }

  private endCall(
    id: string,
    name: string,
    input: string,
    metadata: SharedV4ProviderMetadata | undefined,
  ): ModelEvent[] {
    const events: ModelEvent[] = [];
    if (!this.open.has(`call ${id}`)) {
      events.push(...this.beginCall(id, name, metadata), ...this.callDelta(id, input, undefined));
    }
    const call = this.open.get(`call ${id}`);
    this.open.delete(`call ${id}`);
    if (call?.index === undefined) return events;
    merge(call.metadata, metadata);
    const data = providerData(call.metadata);
    events.push({
      kind: "block_ended",
      index: call.index,
      input: jsonOrText(input),
      ...(data === undefined ? {} : { providerData: data }),
    });
    return events;
  }

  private note(text: string): ModelEvent[] {
    const index = this.nextIndex++;
    return [
      { kind: "block_started", index, block: "text" },
      { kind: "delta", index, text },
      { kind: "block_ended", index },
    ];
  }

  private finish(part: Finish): ModelEvent[] {
    const { unified, raw } = part.finishReason;
    if (unified === "interrupted") this.brokenEnd = { kind: "cut" };
    if (unified === "error") this.brokenEnd = { kind: "failed", reason: raw ?? "an error" };
    if (this.brokenEnd !== undefined) return countedUsage(usageOf(part.usage));
    const events: ModelEvent[] = [...this.open.keys()].flatMap((key) => {
      const [kind = "", ...id] = key.split(" ");
      return kind === "text" || kind === "thinking" ? this.end(kind, id.join(" "), undefined) : [];
    });
    // A call that never ended has no input that could be run. Asking again for an answer that was too long gives the
    // same: what had come of the call stands as text, which no tool takes, and the model is told. Otherwise the answer is not whole.
    if (unified === "length") events.push(...this.endCutCalls());
    if (this.open.size > 0) {
      this.brokenEnd = { kind: "cut" };
      return [...events, ...countedUsage(usageOf(part.usage))];
    }
    this.ended = true;
    return [...events, { kind: "finish", reason: this.reasonOf(unified), usage: usageOf(part.usage) }];
  }

  private endCutCalls(): ModelEvent[] {
    return [...this.open].flatMap(([key, { index }]): ModelEvent[] => {
      this.open.delete(key);
      return index === undefined ? [] : [{ kind: "block_ended", index }];
    });
  }

  private reasonOf(unified: Finish["finishReason"]["unified"]): FinishReason {
    if (unified === "length") return "length";
    if (unified === "content-filter") return "refusal";
    // Some servers say "stop" behind tool calls.
    if (this.toolCalls > 0) return "tool_calls";
    return unified === "other" ? "other" : "stop";
  }
}

function merge(into: SharedV4ProviderMetadata, from: SharedV4ProviderMetadata | undefined): void {
  for (const [provider, data] of Object.entries(from ?? {})) into[provider] = { ...into[provider], ...data };
}

function providerData(metadata: SharedV4ProviderMetadata): JsonValue | undefined {
  const filled = Object.entries(metadata).filter(([, data]) => Object.keys(data).length > 0);
  return filled.length === 0 ? undefined : jsonOf(Object.fromEntries(filled));
}

/** An answer of which nothing was counted has no usage. */
function countedUsage(usage: Usage | undefined): ModelEvent[] {
  return usage === undefined || usage.inputTokens + usage.outputTokens === 0 ? [] : [{ kind: "usage", usage }];
}

/** What a provider does not count is 0. */
function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage {
  return {
    inputTokens: inputTokens.total ?? 0,
    outputTokens: outputTokens.total ?? 0,
    cachedInputTokens: inputTokens.cacheRead ?? 0,
    reasoningTokens: outputTokens.reasoning ?? 0,
  };
}
