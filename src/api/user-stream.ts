import type { ChatUpdate, ProviderWait, ToolOutputChunk, UserUpdate } from "../chat/chat-update.ts";
import { isOutcome } from "../chat/tool-call.ts";
import { BoundedQueue } from "../core/bounded-queue.ts";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Store } from "../store/store.ts";
import type { HubEvent, UpdateHub } from "../updates/update-hub.ts";
import { ChatFollower, type FollowItem } from "./chat-follower.ts";
import { OutputFollower } from "./output-follower.ts";
import type { PolledStream } from "./sequence-poller.ts";
import { TokenWatch } from "./token-watch.ts";

export type StreamItem =
  | FollowItem
  | { readonly kind: "wait"; readonly wait: ProviderWait }
  /** `isSuperseded`: a later one of the same thing comes at once, with its present state. */
  | { readonly kind: "user"; readonly update: UserUpdate; readonly isSuperseded: boolean }
  | { readonly kind: "output"; readonly chunk: ToolOutputChunk }
  | { readonly kind: "keep_alive" };

export interface StreamStart {
  readonly userId: string;
  /** Number of the last user update that the client has. */
  readonly afterUserSequence: number;
  readonly chats: readonly { readonly chatId: string; readonly afterSequence: number }[];
}

type LiveEvent = Extract<HubEvent, { kind: "delta" | "tool_output" }>;

/**
 * One client's stream: subscribes first, reads the store from the client's numbers, then follows. Announcements and
 * losses only mark what to read again, so that a slow client costs a bounded queue and never delays a publisher.
 */
export class UserStream implements PolledStream {
  readonly userId: string;
  readonly chatIds: readonly string[];
  private userSequence: number;
  private userDirty = true;
  private readonly followers: Map<string, ChatFollower>;
  private readonly outputs = new OutputFollower();
  private readonly dirty: Set<string>;
  /** Chats whose stored live part is to be read. */
  private readonly liveDirty: Set<string>;
  /** Chats whose client may have come in the middle of a wait for the provider, until it was told. */
  private readonly arriving: Set<string>;
  private readonly live = new BoundedQueue<LiveEvent>(LIMITS.subscriberQueue);
  /** Output of calls that the client has not been told of: it came by the hub before its message was read. */
  private early: ToolOutputChunk[] = [];
  private bell: (() => void) | undefined;

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "updates">;
      readonly hub: Pick<UpdateHub, "subscribe">;
      readonly clock: Clock;
      /** Rejects when the client may not go on. Asked as {@link TokenWatch} does, however much there is to send. */
      readonly mayGoOn: () => Promise<number | undefined>;
      /** True where somebody else keeps the client's connection alive: then only the first item is a sign of life. */
      readonly isKeptAlive?: boolean;
    },
    start: StreamStart,
  ) {
    this.userId = start.userId;
    this.userSequence = start.afterUserSequence;
    this.followers = new Map(start.chats.map((chat) => [chat.chatId, new ChatFollower(chat.afterSequence)]));
    this.chatIds = [...this.followers.keys()];
    this.dirty = new Set(this.chatIds);
    this.liveDirty = new Set(this.chatIds);
    this.arriving = new Set(start.chats.filter((chat) => chat.afterSequence > 0).map(({ chatId }) => chatId));
  }

  onUserSequence(sequence: number): void {
    if (sequence <= this.userSequence) return;
    this.userDirty = true;
    this.ring();
  }

  onChatSequence(chatId: string, sequence: number): void {
    const follower = this.followers.get(chatId);
    if (follower === undefined || sequence <= follower.lastSequence) return;
    this.dirty.add(chatId);
    this.ring();
  }

  /** Everything, until the signal aborts. */
  async *items(signal: AbortSignal): AsyncGenerator<StreamItem, void, undefined> {
    const subscription = this.deps.hub.subscribe(this.userId, {
      onEvent: (event) => this.onEvent(event),
      onLoss: () => this.readAllAgain(),
    });
    const { clock, mayGoOn, isKeptAlive = false } = this.deps;
    const token = new TokenWatch({ clock, mayGoOn, onRefused: () => this.ring() });
    const onAbort = () => {
      this.ring();
      // At once: a client that is gone may have left the stream in the middle of an item that nobody takes.
      void token.stop();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    token.start();
    // The first at once: an answer's headers go with its first item, and a client wants to know that its stream stands.
    let aliveAtMs = this.deps.clock.now();
    // What was live when the client came may have been stored only behind its first look.
    let lookAgainAtMs = this.deps.clock.now() + LIMITS.outputRefillMs + LIMITS.deltaStoreMs;
    try {
      // A hub that is away announces nothing: the poll tells what happens, until the hub is there again and tells of a loss.
      await subscription.ready.catch(() => undefined);
      while (!signal.aborted) {
        const nowMs = this.deps.clock.now();
        token.throwIfRefused();
        if (nowMs >= aliveAtMs) {
          aliveAtMs = isKeptAlive ? Number.POSITIVE_INFINITY : nowMs + LIMITS.keepAliveMs;
          yield { kind: "keep_alive" };
        }
        if (nowMs >= lookAgainAtMs) {
          lookAgainAtMs = Number.POSITIVE_INFINITY;
          for (const chatId of this.chatIds) this.liveDirty.add(chatId);
        }
        for await (const item of this.fromStore()) {
          yield item;
          if (signal.aborted) return;
          token.throwIfRefused();
        }
        yield* this.fromHub();
        const dueAtMs = Math.min(aliveAtMs, lookAgainAtMs);
        if (this.live.size === 0 && !this.isDirty && !token.isRefused) await this.nextRing(signal, dueAtMs - nowMs);
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      subscription.close();
      this.live.close();
      await token.stop();
    }
  }

  private get isDirty(): boolean {
    return this.userDirty || this.dirty.size > 0 || this.liveDirty.size > 0;
  }

  private onEvent(event: HubEvent): void {
    switch (event.kind) {
      case "user_sequence":
        this.onUserSequence(event.sequence);
        break;
      case "chat_sequence":
        this.onChatSequence(event.chatId, event.sequence);
        break;
      default:
        if (!this.followers.has(chatOf(event))) return;
        if (!this.live.push(event)) this.readAllAgain();
        this.ring();
    }
  }

  /** Something may have been missed: live text is let go, and the store tells. */
  private readAllAgain(): void {
    this.live.drain();
    this.early = [];
    this.userDirty = true;
    for (const chatId of this.chatIds) {
      this.dirty.add(chatId);
      this.liveDirty.add(chatId);
    }
    this.ring();
  }

  /** What happens in the chats goes first: somebody looks at it, and the others may be many. */
  private async *fromStore(): AsyncGenerator<StreamItem> {
    yield* this.fromChats();
    if (this.userDirty) yield* this.userUpdates();
  }

  private async *fromChats(): AsyncGenerator<StreamItem> {
    for (const chatId of [...this.dirty]) yield* this.chatUpdates(chatId);
    for (const chatId of [...this.liveDirty]) yield* this.storedLive(chatId);
  }

  private async *userUpdates(): AsyncGenerator<StreamItem> {
    this.userDirty = false;
    for (;;) {
      const page = await this.deps.store.updates.userUpdates(this.userId, this.userSequence, LIMITS.updatePage);
      const newest = new Map(page.map((update) => [subjectOf(update), update.sequence]));
      for (const update of page) {
        this.userSequence = update.sequence;
        yield { kind: "user", update, isSuperseded: newest.get(subjectOf(update)) !== update.sequence };
        yield* this.fromChats();
        yield* this.fromHub();
      }
      if (page.length < LIMITS.updatePage) return;
    }
  }

  private async *chatUpdates(chatId: string): AsyncGenerator<StreamItem> {
    // Taken out before the read: an announcement that comes meanwhile puts it in again.
    this.dirty.delete(chatId);
    const follower = this.followers.get(chatId);
    if (follower === undefined) return;
    // A call whose output is here already stands in the chat: this read tells of it, or an earlier one has.
    const toldOf = new Set(this.early.flatMap((chunk) => (chunk.chatId === chatId ? [chunk.toolCallId] : [])));
    for (;;) {
      const page = await this.deps.store.updates.chatUpdates(chatId, follower.lastSequence, LIMITS.updatePage);
      // What streamed was published before its message stood: it goes before it.
      yield* this.fromHub();
      for (const update of page) {
        yield* this.lastWords(update.event);
        yield* follower.takeUpdate(update);
        for (const toolCallId of callsIn(update.event)) this.outputs.begin(toolCallId);
      }
      const isLast = page.length < LIMITS.updatePage;
      if (isLast) for (const toolCallId of toldOf) this.outputs.begin(toolCallId);
      yield* this.fromHub();
      if (isLast) return;
    }
  }

  /** What a tool said last was published before its outcome stood: it goes before it. */
  private *lastWords(event: ChatUpdate["event"]): Generator<StreamItem> {
    if (event.kind !== "tool_call" || !isOutcome(event.state)) return;
    this.outputs.begin(event.toolCallId);
    yield* this.fromHub();
    this.outputs.settle(event.toolCallId);
  }

  private async *storedLive(chatId: string): AsyncGenerator<StreamItem> {
    this.liveDirty.delete(chatId);
    const { updates } = this.deps.store;
    const [blocks, outputs] = await Promise.all([updates.liveBlocks(chatId), updates.liveOutput(chatId)]);
    yield* this.followers.get(chatId)?.takeStored(blocks) ?? [];
    for (const chunk of outputs) yield* this.output(chunk);
    if (this.arriving.delete(chatId)) yield* this.waitUnderWay(chatId);
  }

  private async *waitUnderWay(chatId: string): AsyncGenerator<StreamItem> {
    const wait = await this.deps.store.updates.providerWait(chatId);
    if (wait !== undefined && this.followers.get(chatId)?.isNewWait(wait)) yield { kind: "wait", wait };
  }

  private *fromHub(): Generator<StreamItem> {
    for (const chunk of this.early.splice(0)) yield* this.output(chunk);
    for (const event of this.live.drain()) {
      if (event.kind === "tool_output") yield* this.output(event.chunk);
      else yield* this.followers.get(event.delta.chatId)?.takeDelta(event.delta) ?? [];
    }
  }

  private *output(chunk: ToolOutputChunk): Generator<StreamItem> {
    if (!this.outputs.isBegun(chunk.toolCallId)) {
      if (this.early.length < LIMITS.subscriberQueue) this.early.push(chunk);
      this.dirty.add(chunk.chatId);
      return;
    }
    const fresh = this.outputs.take(chunk);
    if (fresh !== undefined) yield { kind: "output", chunk: fresh };
  }

  /** Resolves when there is something to do, at the latest after `maxMs`: without an end where that is `Infinity`, and without a timer. */
  private async nextRing(signal: AbortSignal, maxMs: number): Promise<void> {
    if (signal.aborted) return;
    const waiting = [...this.followers].filter(([, follower]) => follower.waitsForStored).map(([chatId]) => chatId);
    const waitMs = waiting.length > 0 ? Math.min(LIMITS.deltaStoreMs, maxMs) : maxMs;
    const rung = await new Promise<boolean>((resolve) => {
      const cancel =
        waitMs === Number.POSITIVE_INFINITY ? undefined : this.deps.clock.after(waitMs, () => resolve(false));
      this.bell = () => {
        cancel?.();
        resolve(true);
      };
    });
    this.bell = undefined;
    // Live text waits behind a hole: by now more of it may be stored.
    if (!rung) for (const chatId of waiting) this.liveDirty.add(chatId);
  }

  private ring(): void {
    this.bell?.();
  }
}

/** Tool calls that the client knows of once it has the update. */
function callsIn(event: ChatUpdate["event"]): string[] {
  if (event.kind === "tool_call") return [event.toolCallId];
  if (event.kind !== "message") return [];
  return event.message.blocks.flatMap((block) => (block.kind === "tool_call" ? [block.toolCallId] : []));
}

function subjectOf({ event }: UserUpdate): string {
  return event.kind === "chat_changed" ? event.chatId : event.daemonId;
}

function chatOf(event: LiveEvent): string {
  return event.kind === "delta" ? event.delta.chatId : event.chunk.chatId;
}
