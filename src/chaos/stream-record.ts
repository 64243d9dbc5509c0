import { toBinary } from "@bufbuild/protobuf";
import { type Message, MessageSchema, MessageState, type Run, RunState } from "../gen/reliant/v1/chat_pb.ts";
import type { BlockDelta, StreamUserUpdatesResponse, ToolOutput } from "../gen/reliant/v1/update_pb.ts";
import type { StreamFault } from "./facts.ts";

/** Faults of one chat's stream that are told; a stream that is wrong is mostly wrong again and again. */
const FAULTS_TOLD = 20;

/**
 * What a client saw of one chat, over as many streams as it took, and whether it saw each number, each byte and each
 * message once. Pure but for its own state: updates in, faults out.
 */
export class StreamRecord {
  /** Number of the last update; where the next stream begins. */
  lastSequence = 0n;
  readonly faults: StreamFault[] = [];
  /** The ends of runs, in their order. */
  readonly runEnds: Run[] = [];
  /** Digests of the messages as they were last told, by id: the text itself would fill the memory of a long run. */
  private readonly messages = new Map<string, string>();
  private readonly settled = new Set<string>();
  private readonly live = new Map<string, string>();
  private readonly attempts = new Map<string, number>();
  /** Of this stream: bytes of each live block, and of each call's output, that it sent. */
  private sent = new Map<string, number>();
  private outputs = new Map<string, number>();

  constructor(private readonly chatId: string) {}

  /** A new stream, after the number of the last update: live text comes again from its beginning. */
  connected(): void {
    this.sent = new Map();
    this.outputs = new Map();
  }

  take({ update }: StreamUserUpdatesResponse): void {
    switch (update.case) {
      case "delta":
        if (update.value.chatId === this.chatId) this.onDelta(update.value);
        return;
      case "toolOutput":
        if (update.value.chatId === this.chatId) this.onOutput(update.value);
        return;
      case "chat":
        break;
      default:
        return;
    }
    const { chatId, sequence, event } = update.value;
    if (chatId !== this.chatId) return;
    this.onNumber(sequence);
    if (event.case === "message") this.onMessage(event.value);
    if (event.case === "attemptStarted") this.onAttempt(event.value.messageId, event.value.attempt);
    if (event.case === "run" && event.value.state !== RunState.RUNNING) this.runEnds.push(event.value);
  }

  /** Compares what was streamed with what the store gives: the same messages, each the same. */
  compare(stored: readonly Message[]): void {
    for (const message of stored) {
      const told = this.messages.get(message.id);
      if (told === undefined) this.fault("hole", `message ${message.position} (${message.id}) was never streamed`);
      else if (told !== digest(message)) {
        this.fault("different", `message ${message.position} (${message.id}) was streamed other than it is stored`);
      }
    }
    const ids = new Set(stored.map((message) => message.id));
    for (const id of this.messages.keys()) {
      if (!ids.has(id)) this.fault("double", `message ${id} was streamed and is not in the store`);
    }
  }

  private onNumber(sequence: bigint): void {
    const expected = this.lastSequence + 1n;
    if (sequence > expected) this.fault("hole", `update ${sequence} came after ${this.lastSequence}`);
    if (sequence < expected) this.fault("double", `update ${sequence} came after ${this.lastSequence}`);
    if (sequence > this.lastSequence) this.lastSequence = sequence;
  }

  private onMessage(message: Message): void {
    this.messages.set(message.id, digest(message));
    if (message.state === MessageState.OPEN) return;
    this.settled.add(message.id);
    message.blocks.forEach(({ content }, index) => {
      const streamed = this.live.get(`${message.id}/${index}`) ?? "";
      if (content.case !== "text" && content.case !== "thinking") return;
      if (!content.value.text.startsWith(streamed)) {
        this.fault("different", `block ${index} of message ${message.id} streamed as other words than it has`);
      }
    });
    this.forget(message.id);
  }

  private onAttempt(messageId: string, attempt: number): void {
    this.attempts.set(messageId, attempt);
    this.forget(messageId);
  }

  private onDelta(delta: BlockDelta): void {
    const key = `${delta.messageId}/${delta.blockIndex}`;
    const attempt = this.attempts.get(delta.messageId) ?? delta.attempt;
    if (this.settled.has(delta.messageId) || delta.attempt < attempt) {
      this.fault(
        "double",
        `text of ${key}, attempt ${delta.attempt}, came behind its message or in attempt ${attempt}`,
      );
      return;
    }
    if (delta.attempt > attempt) this.forget(delta.messageId);
    this.attempts.set(delta.messageId, delta.attempt);
    const sent = this.sent.get(key) ?? 0;
    const offset = Number(delta.offset);
    if (offset > sent) this.fault("hole", `text of ${key} at byte ${offset}, ${sent} were sent`);
    if (offset < sent) this.fault("double", `text of ${key} at byte ${offset}, ${sent} were sent`);
    const text = Buffer.from(delta.text);
    const known = Buffer.from(this.live.get(key) ?? "");
    const whole = Buffer.concat([known.subarray(0, offset), text]);
    // A later stream sends again what an earlier one had: it must be the same.
    if (!known.subarray(0, whole.length).equals(whole.subarray(0, known.length))) {
      this.fault("different", `text of ${key} came again with other words`);
    }
    if (whole.length > known.length) this.live.set(key, whole.toString("utf8"));
    this.sent.set(key, offset + text.length);
  }

  /** The output of a running tool is a lossy view: what is left out must be said, and nothing comes twice. */
  private onOutput(output: ToolOutput): void {
    const end = this.outputs.get(output.toolCallId);
    const offset = Number(output.offset);
    this.outputs.set(output.toolCallId, offset + output.data.length);
    if (end === undefined) return;
    if (offset < end) this.fault("double", `output of ${output.toolCallId} at byte ${offset}, ${end} were sent`);
    if (offset - end > Number(output.gapBytes)) {
      this.fault("hole", `output of ${output.toolCallId} at byte ${offset}, ${end} were sent, and no gap was told`);
    }
  }

  private forget(messageId: string): void {
    for (const map of [this.live, this.sent]) {
      for (const key of [...map.keys()]) if (key.startsWith(`${messageId}/`)) map.delete(key);
    }
  }

  private fault(kind: StreamFault["kind"], text: string): void {
    if (this.faults.length < FAULTS_TOLD) this.faults.push({ kind, text });
  }
}

function digest(message: Message): string {
  return Bun.hash(toBinary(MessageSchema, message)).toString(36);
}
