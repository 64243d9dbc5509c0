import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ContentBlock, Message, ProviderWait } from "../gen/reliant/v1/chat_pb.ts";
import { MessageState, Role, ToolCallState } from "../gen/reliant/v1/chat_pb.ts";
import {
  type BlockDelta,
  BlockDelta_Kind as DeltaKind,
  type ProviderWaiting,
  type StreamUserUpdatesResponse,
  type ToolOutput,
} from "../gen/reliant/v1/update_pb.ts";
import { LiveLines } from "./live-lines.ts";
import { summarizeInput } from "./tool-summary.ts";

/** A piece of the transcript on its way to a terminal. */
export interface Piece {
  readonly style: "answer" | "thinking" | "tool" | "output" | "good" | "bad" | "note";
  readonly text: string;
}

/** Lines of a tool's result that are shown where they were not streamed. */
const RESULT_LINES = 12;

/**
 * Turns a chat's updates into text in the order in which a person reads it: what streamed is not printed again when its
 * message stands. Pure but for its own state: updates in, pieces out.
 */
export class TranscriptView {
  /** Bytes of each live block that are printed, by message and block; 0 for a tool call's input. */
  private readonly printed = new Map<string, number>();
  private readonly attempts = new Map<string, number>();
  private readonly toolNames = new Map<string, string>();
  private readonly outputs = new Map<string, LiveLines>();
  /** Calls whose result is shown: live output that comes behind it says nothing new. */
  private readonly ended = new Set<string>();
  private readonly whole = new Set<string>();
  private atLineStart = true;
  /** Message and attempt of the wait that is shown. */
  private toldWait = "";

  constructor(private readonly chatId: string) {}

  take(response: StreamUserUpdatesResponse): Piece[] {
    const update = response.update;
    switch (update.case) {
      case "delta":
        return update.value.chatId === this.chatId ? this.onDelta(update.value) : [];
      case "toolOutput":
        return update.value.chatId === this.chatId ? this.onOutput(update.value) : [];
      case "providerWait":
        return update.value.chatId === this.chatId ? this.onWaiting(update.value) : [];
      case "chat":
        break;
      default:
        return [];
    }
    if (update.value.chatId !== this.chatId) return [];
    const event = update.value.event;
    switch (event.case) {
      case "message":
        return this.onMessage(event.value);
      case "attemptStarted":
        return this.onAttempt(event.value.messageId, event.value.attempt);
      case "providerWaiting":
        return this.onWaiting(event.value);
      default:
        return [];
    }
  }

  private onDelta(delta: BlockDelta): Piece[] {
    if (this.whole.has(delta.messageId)) return [];
    if ((this.attempts.get(delta.messageId) ?? delta.attempt) !== delta.attempt) return [];
    const key = `${delta.messageId}/${delta.blockIndex}`;
    // Of a block whose predecessor was missed nothing is printed: the whole message will have both in order.
    if (delta.blockIndex > 0 && !this.printed.has(`${delta.messageId}/${delta.blockIndex - 1}`)) return [];
    const have = this.printed.get(key) ?? 0;
    if (delta.kind === DeltaKind.TOOL_INPUT) {
      this.printed.set(key, have);
      return [];
    }
    const bytes = new TextEncoder().encode(delta.text);
    const from = Number(delta.offset);
    if (from > have || from + bytes.length <= have) return [];
    const text = new TextDecoder().decode(bytes.subarray(have - from));
    this.printed.set(key, from + bytes.length);
    return this.say(delta.kind === DeltaKind.THINKING ? "thinking" : "answer", text, have === 0);
  }

  private onAttempt(messageId: string, attempt: number): Piece[] {
    const began = [...this.printed].some(([key, bytes]) => bytes > 0 && key.startsWith(`${messageId}/`));
    this.attempts.set(messageId, attempt);
    for (const key of [...this.printed.keys()]) if (key.startsWith(`${messageId}/`)) this.printed.delete(key);
    if (!began) return [];
    return this.say("note", `(the answer broke off: attempt ${attempt})\n`, true);
  }

  private onWaiting({ messageId, attempt, until, errorMessage }: ProviderWaiting | ProviderWait): Piece[] {
    if (until === undefined) return [];
    // An attempt that another worker takes over has two: the wait that it found, and its own.
    const wait = `${messageId}/${attempt}/${timestampMs(until)}`;
    // A stream that is taken up again in the middle of it tells it once more.
    if (this.toldWait === wait) return [];
    this.toldWait = wait;
    return this.say(
      "note",
      `(waiting for the provider until ${clockTime(timestampMs(until))}: ${errorMessage})\n`,
      true,
    );
  }

  private onMessage(message: Message): Piece[] {
    if (this.whole.has(message.id)) return [];
    this.whole.add(message.id);
    switch (message.role) {
      case Role.ASSISTANT:
        return [
          ...message.blocks.flatMap((block, index) => this.finishBlock(message, block, index)),
          ...this.end(message),
        ];
      case Role.TOOL:
        return message.blocks.flatMap((block) => this.onResult(block));
      default:
        return [];
    }
  }

  private finishBlock(message: Message, block: ContentBlock, index: number): Piece[] {
    const content = block.content;
    switch (content.case) {
      case "text":
      case "thinking": {
        const bytes = new TextEncoder().encode(content.value.text);
        const have = this.printed.get(`${message.id}/${index}`) ?? 0;
        const rest = new TextDecoder().decode(bytes.subarray(have));
        const style = content.case === "text" ? "answer" : "thinking";
        return rest === "" ? [] : this.say(style, rest, have === 0);
      }
      case "toolCall": {
        this.toolNames.set(content.value.toolCallId, content.value.name);
        const summary = summarizeInput(content.value.name, content.value.inputJson);
        return this.say("tool", `▸ ${content.value.name} ${summary}\n`, true);
      }
      default:
        return [];
    }
  }

  private end(message: Message): Piece[] {
    if (message.state === MessageState.FAILED) return this.say("bad", `✗ ${message.errorMessage}\n`, true);
    if (message.state === MessageState.INTERRUPTED) return this.say("note", "(interrupted)\n", true);
    return this.atLineStart ? [] : this.say("answer", "\n", false);
  }

  private onOutput(output: ToolOutput): Piece[] {
    if (this.ended.has(output.toolCallId)) return [];
    const lines = this.outputs.get(output.toolCallId) ?? new LiveLines();
    this.outputs.set(output.toolCallId, lines);
    const gap: Piece[] =
      output.gapBytes > 0n ? [{ style: "note", text: `  │ … ${output.gapBytes} bytes left out\n` }] : [];
    return [...this.freshLine(), ...gap, ...indented(lines.take(output.data))];
  }

  private onResult(block: ContentBlock): Piece[] {
    if (block.content.case !== "toolResult") return [];
    const { toolCallId, state, result } = block.content.value;
    const good = state === ToolCallState.SUCCEEDED;
    const text = result?.text ?? "";
    const name = this.toolNames.get(toolCallId) ?? "tool";
    const streamed = this.outputs.get(toolCallId);
    this.outputs.delete(toolCallId);
    this.ended.add(toolCallId);
    return [
      ...this.freshLine(),
      ...firstLines(streamed === undefined ? text : streamed.missing(text)),
      { style: good ? "good" : "bad", text: `  ${good ? "✓" : "✗"} ${name} ${OUTCOMES[state] ?? ""}\n` },
    ];
  }

  private say(style: Piece["style"], text: string, fresh: boolean): Piece[] {
    const before = fresh ? this.freshLine() : [];
    this.atLineStart = text.endsWith("\n");
    return [...before, { style, text }];
  }

  private freshLine(): Piece[] {
    if (this.atLineStart) return [];
    this.atLineStart = true;
    return [{ style: "answer", text: "\n" }];
  }
}

const OUTCOMES: { readonly [S in ToolCallState]?: string } = {
  [ToolCallState.SUCCEEDED]: "done",
  [ToolCallState.FAILED]: "failed",
  [ToolCallState.DENIED]: "was denied",
  [ToolCallState.CANCELLED]: "was cancelled",
  [ToolCallState.TIMED_OUT]: "ran out of time",
  [ToolCallState.UNKNOWN]: "may have run: nobody can tell how it ended",
};

function firstLines(text: string): Piece[] {
  if (text === "") return [];
  const lines = text.trimEnd().split("\n");
  const more = lines.length - RESULT_LINES;
  return [
    ...indented(`${lines.slice(0, RESULT_LINES).join("\n")}\n`),
    ...(more > 0 ? [{ style: "note" as const, text: `  │ … ${more} more lines\n` }] : []),
  ];
}

/** By the reader's clock, to the second. */
function clockTime(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

function indented(text: string): Piece[] {
  if (text === "") return [];
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return [
    {
      style: "output",
      text: `${body
        .split("\n")
        .map((line) => `  │ ${line}`)
        .join("\n")}\n`,
    },
  ];
}
