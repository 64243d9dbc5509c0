import type { BlockDelta, LiveBlock, LiveBlockKind } from "../chat/chat-update.ts";
import type { JsonValue } from "../chat/json.ts";
import type { ContentBlock, Usage } from "../chat/message.ts";
import { assert, unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { ModelError, type ModelEvent } from "../models/model-provider.ts";

interface WrittenBlock {
  readonly kind: LiveBlockKind;
  /** What has come, without a half character at its end. */
  text: string;
  /** UTF-8 bytes of `text`. */
  bytes: number;
  /** A high surrogate whose other half is still to come. */
  half: string;
  published: { chars: number; bytes: number };
  /** The answer's revision when this block last grew. */
  revision: number;
  ended: { readonly input?: JsonValue; readonly providerData?: JsonValue } | undefined;
  readonly tool: { readonly name: string; readonly providerCallId: string } | undefined;
}

export interface AnswerIdentity {
  readonly chatId: string;
  readonly messageId: string;
  readonly attempt: number;
}

/** One answer of a model while it comes: events go in; live blocks, deltas and the finished blocks come out. No effects. */
export class LiveAnswer {
  private readonly blocks = new Map<number, WrittenBlock>();
  private toolCalls = 0;
  /** Counts changes of what is stored on the way. */
  private changes = 0;
  private counted: Usage | undefined;

  constructor(private readonly identity: AnswerIdentity) {}

  get revision(): number {
    return this.changes;
  }

  /** What the provider has counted so far. */
  get usage(): Usage | undefined {
    return this.counted;
  }

  count(usage: Usage): void {
    this.counted = usage;
    this.changes++;
  }

  /** Throws {@link ModelError} where the answer breaks a limit or the rules of the stream. */
  apply(event: Exclude<ModelEvent, { kind: "finish" | "usage" }>): void {
    switch (event.kind) {
      case "block_started":
        this.begin(event.index, event.block, undefined);
        return;
      case "tool_call_started":
        this.toolCalls++;
        if (this.toolCalls > LIMITS.toolCallsPerMessage) {
          throw broken(`asked for more than ${LIMITS.toolCallsPerMessage} tool calls at once`, "resource_exhausted");
        }
        this.begin(event.index, "tool_input", {
          name: event.name.toWellFormed(),
          providerCallId: event.providerCallId,
        });
        return;
      case "delta":
        this.append(this.open(event.index), event.text);
        return;
      case "block_ended": {
        const { kind: _, index, ...ended } = event;
        const block = this.open(index);
        if (block.half !== "") this.grow(block, "\ufffd");
        block.half = "";
        if (block.kind === "tool_input") checkToolInput(ended.input ?? block.text);
        block.ended = ended;
        return;
      }
      default:
        unreachable(event);
    }
  }

  /** What has come since the last call, one delta a block, in their order. */
  takeDeltas(): BlockDelta[] {
    const deltas: BlockDelta[] = [];
    for (const [blockIndex, block] of this.blocks) {
      if (block.text.length === block.published.chars) continue;
      deltas.push({
        ...this.identity,
        blockIndex,
        blockKind: block.kind,
        offset: block.published.bytes,
        text: block.text.slice(block.published.chars),
        ...(block.tool === undefined ? {} : { toolName: block.tool.name }),
      });
      block.published = { chars: block.text.length, bytes: block.bytes };
    }
    return deltas;
  }

  /** The blocks that have changed after that revision, each with all that has come of it. */
  liveBlocks(sinceRevision: number): LiveBlock[] {
    const changed = [...this.blocks].filter(([, block]) => block.revision > sinceRevision);
    return changed.map(([blockIndex, block]) => ({
      ...this.identity,
      blockIndex,
      blockKind: block.kind,
      text: block.text,
      ...(block.tool === undefined ? {} : { toolName: block.tool.name }),
    }));
  }

  /**
   * The blocks of an answer that came to its end. `cutByLength`: the last block may be cut. A call whose input had not
   * begun then is not one with an empty input: its input stays the text that it is, which no tool takes.
   */
  finished(newToolCallId: () => string, { cutByLength = false } = {}): ContentBlock[] {
    const blocks = this.inOrder();
    const last = blocks.at(-1);
    if (cutByLength && last?.kind === "tool_input" && last.text.trim() === "") last.ended = { input: last.text };
    return blocks.flatMap((block) => contentOf(block, newToolCallId));
  }

  /**
   * What stays of an answer that was cut off: its text, and thinking that had ended (an unfinished one has no signature,
   * and the provider would refuse it). Tool calls are dropped: nothing will run for them.
   */
  cutOff(): ContentBlock[] {
    return this.inOrder()
      .filter((block) => block.kind === "text" || (block.kind === "thinking" && block.ended !== undefined))
      .flatMap((block) => contentOf(block, () => ""));
  }

  private inOrder(): WrittenBlock[] {
    return [...this.blocks].sort(([a], [b]) => a - b).map(([, block]) => block);
  }

  private begin(index: number, kind: LiveBlockKind, tool: WrittenBlock["tool"]): void {
    if (this.blocks.has(index)) throw broken(`began block ${index} twice`, "provider_failed");
    if (this.blocks.size >= LIMITS.blocksPerAnswer) {
      throw broken(`wrote more than ${LIMITS.blocksPerAnswer} blocks`, "resource_exhausted");
    }
    const published = { chars: 0, bytes: 0 };
    this.changes++;
    const revision = this.changes;
    this.blocks.set(index, { kind, text: "", bytes: 0, half: "", published, revision, ended: undefined, tool });
  }

  private open(index: number): WrittenBlock {
    const block = this.blocks.get(index);
    if (block === undefined || block.ended !== undefined) {
      throw broken(`wrote to block ${index}, which is not open`, "provider_failed");
    }
    return block;
  }

  private append(block: WrittenBlock, text: string): void {
    const whole = block.half + text;
    const cut = endsInHalf(whole) ? whole.length - 1 : whole.length;
    block.half = whole.slice(cut);
    this.grow(block, whole.slice(0, cut).toWellFormed());
  }

  private grow(block: WrittenBlock, text: string): void {
    if (text === "") return;
    block.text += text;
    block.bytes += Buffer.byteLength(text);
    this.changes++;
    block.revision = this.changes;
    if (block.bytes > LIMITS.blockTextBytes) {
      throw broken(`wrote a block of more than ${LIMITS.blockTextBytes} bytes`, "resource_exhausted");
    }
  }
}

function contentOf(block: WrittenBlock, newToolCallId: () => string): ContentBlock[] {
  const providerData = block.ended?.providerData;
  const extra = providerData === undefined ? {} : { providerData };
  if (block.kind !== "tool_input") {
    if (block.text === "" && providerData === undefined) return [];
    return [{ kind: block.kind, text: block.text, ...extra }];
  }
  // Only a call that was written to its end is one.
  if (block.ended === undefined) return [];
  assert(block.tool !== undefined, "a tool call has its tool");
  return [
    {
      kind: "tool_call",
      toolCallId: newToolCallId(),
      providerCallId: block.tool.providerCallId,
      name: block.tool.name,
      input: block.ended.input ?? block.text,
      ...extra,
    },
  ];
}

/** Here, where it ends the answer with words: the store would refuse the whole answer, each time that it is asked for anew. */
function checkToolInput(input: JsonValue): void {
  if (Buffer.byteLength(JSON.stringify(input)) <= LIMITS.toolInputBytes) return;
  throw broken(`wrote the input of a tool call of more than ${LIMITS.toolInputBytes} bytes`, "resource_exhausted");
}

function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}

function broken(what: string, code: "provider_failed" | "resource_exhausted"): ModelError {
  return new ModelError(`the model ${what}`, { retryable: false, code });
}
