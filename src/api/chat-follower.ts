import type { BlockDelta, ChatUpdate, LiveBlock, ProviderWait } from "../chat/chat-update.ts";

/** What a client is sent of a chat. */
export type FollowItem =
  | { readonly kind: "update"; readonly update: ChatUpdate }
  | { readonly kind: "delta"; readonly delta: BlockDelta };

interface Block {
  /** UTF-8 bytes of the block that the client has. */
  sentBytes: number;
  /** Live deltas behind a hole, by offset, until the stored part reaches them. */
  held: BlockDelta[];
}

interface OpenMessage {
  attempt: number;
  readonly blocks: Map<number, Block>;
}

/** Deltas of one chat that are held at most; beyond it they are let go, and the stored part brings the text. */
const HELD_MAX = 256;

/**
 * What one client has of one chat, and what it is sent next: each number once and in order, each byte of a block that is
 * being written once and in order, nothing of a message that stands. Pure but for its own state.
 * Property: tests/unit/api/chat-follower.test.ts.
 */
export class ChatFollower {
  private readonly open = new Map<string, OpenMessage>();
  /** Answers that stand: the newest ones, for deltas that come late. */
  private readonly settled = new Set<string>();
  private heldCount = 0;
  /** Message and attempt of the last wait that the client was sent by its number. */
  private toldWait = "";

  constructor(private sequence: number) {}

  /** Number of the last update that the client was sent. */
  get lastSequence(): number {
    return this.sequence;
  }

  /** True where live text waits for the stored part: read it again. */
  get waitsForStored(): boolean {
    return this.heldCount > 0;
  }

  /** Updates as the store has them, in order, the next one first. One that was sent already is passed over. */
  takeUpdate(update: ChatUpdate): FollowItem[] {
    if (update.sequence <= this.sequence) return [];
    this.sequence = update.sequence;
    const item: FollowItem = { kind: "update", update };
    const event = update.event;
    if (event.kind === "attempt_started") return [item, ...this.begin(event.messageId, event.attempt)];
    if (event.kind === "message") this.settle(event.message.id);
    if (event.kind === "provider_waiting") this.toldWait = waitKey(event);
    return [item];
  }

  /** True for a wait, as the store has it, that the client knows nothing of: it came behind its number. */
  isNewWait(wait: ProviderWait): boolean {
    if (this.settled.has(wait.messageId) || this.toldWait === waitKey(wait)) return false;
    return (this.open.get(wait.messageId)?.attempt ?? 0) <= wait.attempt;
  }

  /** A live delta: sent, held, or passed over. */
  takeDelta(delta: BlockDelta): FollowItem[] {
    if (this.settled.has(delta.messageId)) return [];
    const message = this.messageOf(delta.messageId);
    if (delta.attempt < message.attempt) return [];
    if (delta.attempt > message.attempt) return this.hold(message, delta);
    return this.send(message, delta);
  }

  /** The stored part of what is being written. */
  takeStored(blocks: readonly LiveBlock[]): FollowItem[] {
    return blocks.flatMap((block) => {
      if (this.settled.has(block.messageId)) return [];
      const message = this.messageOf(block.messageId);
      if (block.attempt < message.attempt) return [];
      // A client that came behind the number of this attempt learns of it here.
      const begun = block.attempt > message.attempt ? this.begin(block.messageId, block.attempt) : [];
      return [...begun, ...this.send(message, { ...block, offset: 0 })];
    });
  }

  private begin(messageId: string, attempt: number): FollowItem[] {
    const message = this.messageOf(messageId);
    // Also where the stored part was ahead of this number: its client begins anew with it, and so does what it has.
    message.attempt = attempt;
    const held = [...message.blocks.values()].flatMap((block) => block.held);
    this.heldCount -= held.length;
    message.blocks.clear();
    return held.filter((delta) => delta.attempt >= attempt).flatMap((delta) => this.takeDelta(delta));
  }

  private send(message: OpenMessage, delta: BlockDelta): FollowItem[] {
    const block = blockOf(message, delta.blockIndex);
    if (delta.offset > block.sentBytes) return this.hold(message, delta);
    const bytes = Buffer.from(delta.text);
    const end = delta.offset + bytes.length;
    if (end <= block.sentBytes) return [];
    const text = bytes.toString("utf8", block.sentBytes - delta.offset);
    const item: FollowItem = { kind: "delta", delta: { ...delta, offset: block.sentBytes, text } };
    block.sentBytes = end;
    return [item, ...this.release(block)];
  }

  /** Sends what was held and is now within reach. */
  private release(block: Block): FollowItem[] {
    const held = block.held;
    if (held.length === 0) return [];
    block.held = [];
    this.heldCount -= held.length;
    // Those of a newer attempt stay held until it is told.
    return held.flatMap((delta) => this.takeDelta(delta));
  }

  private hold(message: OpenMessage, delta: BlockDelta): FollowItem[] {
    if (this.heldCount >= HELD_MAX) return [];
    const { held } = blockOf(message, delta.blockIndex);
    held.push(delta);
    held.sort((a, b) => a.attempt - b.attempt || a.offset - b.offset);
    this.heldCount++;
    return [];
  }

  private settle(messageId: string): void {
    const message = this.open.get(messageId);
    for (const block of message?.blocks.values() ?? []) this.heldCount -= block.held.length;
    this.open.delete(messageId);
    this.settled.add(messageId);
    const [oldest] = this.settled;
    if (this.settled.size > HELD_MAX && oldest !== undefined) this.settled.delete(oldest);
  }

  private messageOf(messageId: string): OpenMessage {
    const known = this.open.get(messageId);
    if (known !== undefined) return known;
    const message: OpenMessage = { attempt: 0, blocks: new Map() };
    this.open.set(messageId, message);
    return message;
  }
}

function waitKey({ messageId, attempt, untilMs }: Omit<ProviderWait, "chatId" | "error">): string {
  return `${messageId}/${attempt}/${untilMs}`;
}

function blockOf(message: OpenMessage, index: number): Block {
  const known = message.blocks.get(index);
  if (known !== undefined) return known;
  const block: Block = { sentBytes: 0, held: [] };
  message.blocks.set(index, block);
  return block;
}
