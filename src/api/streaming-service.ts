import { create } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import type { UserUpdate } from "../chat/chat-update.ts";
import type { Clock } from "../core/clock.ts";
import { ReliantError, unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import * as pb from "../gen/reliant/v1/update_pb.ts";
import type { Store } from "../store/store.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import { isOnline } from "./daemon-admin-service.ts";
import { KeepAliveWheel } from "./keep-alive-wheel.ts";
import type { SequencePoller } from "./sequence-poller.ts";
import { type StreamItem, UserStream } from "./user-stream.ts";
import {
  chatMessage,
  chatUpdateMessage,
  daemonMessage,
  deltaMessage,
  providerWaitMessage,
  toolOutputMessage,
} from "./wire-mapping.ts";

export interface StreamingDeps {
  readonly store: Pick<Store, "updates" | "chats" | "daemons">;
  readonly hub: Pick<UpdateHub, "subscribe">;
  readonly poller: Pick<SequencePoller, "add">;
  readonly clock: Clock;
}

/** The caller of a stream. */
export interface StreamCaller {
  readonly identity: Identity;
  /** Rejects with `unauthenticated` when the token has ended or was revoked; resolves with when (Unix, ms) to ask again at the earliest. */
  readonly mayGoOn: () => Promise<number | undefined>;
  /** Sends a sign of life beside the stream's items. Without it such signs are items. Must not throw. */
  readonly beat?: () => void;
}

/** What happens, as it happens. */
export class StreamingApi {
  /** Streams open on this replica, by user. */
  private readonly open = new Map<string, number>();
  private readonly stopping = new AbortController();
  private readonly keepAlives: KeepAliveWheel;

  constructor(private readonly deps: StreamingDeps) {
    this.keepAlives = new KeepAliveWheel(deps.clock);
  }

  /** Ends all streams with `unavailable`: clients go on elsewhere from their numbers. */
  stop(): void {
    this.stopping.abort(new ReliantError("unavailable", "this server is stopping: connect again"));
  }

  /** Throws `not_found` for a chat that is not the caller's, `resource_exhausted` beyond `LIMITS.streamsPerUser`. */
  async *streamUserUpdates(
    caller: StreamCaller,
    request: pb.StreamUserUpdatesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<pb.StreamUserUpdatesResponse> {
    const { userId } = caller.identity;
    const leave = this.enter(userId);
    try {
      const stream = new UserStream(
        { ...this.deps, mayGoOn: caller.mayGoOn, isKeptAlive: caller.beat !== undefined },
        {
          userId,
          afterUserSequence: await this.userStart(userId, request.afterSequence),
          chats: await this.chatStarts(userId, request.chats),
        },
      );
      const unpoll = this.deps.poller.add(stream);
      try {
        using beating = new DisposableStack();
        if (caller.beat !== undefined) beating.defer(this.keepAlives.add(caller.beat));
        const ends = AbortSignal.any([signal, this.stopping.signal]);
        for await (const item of stream.items(ends)) {
          yield create(pb.StreamUserUpdatesResponseSchema, { update: await this.responseOf(userId, item) });
        }
        if (this.stopping.signal.aborted) throw this.stopping.signal.reason;
      } finally {
        unpoll();
      }
    } finally {
      leave();
    }
  }

  /**
   * The same checks, and the request with a number in the place of "only new ones": for a client that is told its
   * position before the first update.
   */
  async settle(identity: Identity, request: pb.StreamUserUpdatesRequest): Promise<pb.StreamUserUpdatesRequest> {
    await this.chatStarts(identity.userId, request.chats);
    const afterSequence = BigInt(await this.userStart(identity.userId, request.afterSequence));
    return create(pb.StreamUserUpdatesRequestSchema, { afterSequence, chats: request.chats });
  }

  private enter(userId: string): () => void {
    const count = this.open.get(userId) ?? 0;
    if (count >= LIMITS.streamsPerUser) {
      throw new ReliantError("resource_exhausted", `${count} update streams are open: close one first`);
    }
    this.open.set(userId, count + 1);
    return () => {
      const left = (this.open.get(userId) ?? 1) - 1;
      if (left === 0) this.open.delete(userId);
      else this.open.set(userId, left);
    };
  }

  /** -1 asks for new ones only. */
  private async userStart(userId: string, after: bigint): Promise<number> {
    if (after >= 0n) return Number(after);
    const { users } = await this.deps.store.updates.lastSequences({ userIds: [userId], chatIds: [] });
    return users.get(userId) ?? 0;
  }

  private async chatStarts(userId: string, cursors: readonly pb.ChatCursor[]) {
    return Promise.all(
      cursors.map(async (cursor) => {
        const chat = await this.deps.store.chats.get(userId, cursor.chatId);
        const afterSequence = Number(cursor.afterSequence);
        if (afterSequence > chat.sequence) {
          throw new ReliantError(
            "invalid_argument",
            `chat ${chat.id}: number ${afterSequence} is beyond its last one, ${chat.sequence}: begin again from 0`,
          );
        }
        return { chatId: chat.id, afterSequence };
      }),
    );
  }

  private async responseOf(userId: string, item: StreamItem): Promise<pb.StreamUserUpdatesResponse["update"]> {
    switch (item.kind) {
      case "update":
        return { case: "chat", value: chatUpdateMessage(item.update) };
      case "wait":
        return { case: "providerWait", value: providerWaitMessage(item.wait) };
      case "delta":
        return { case: "delta", value: deltaMessage(item.delta) };
      case "output":
        return { case: "toolOutput", value: toolOutputMessage(item.chunk) };
      case "keep_alive":
        return { case: "keepAlive", value: create(pb.KeepAliveSchema) };
      case "user":
        return { case: "user", value: await this.userUpdate(userId, item) };
      default:
        return unreachable(item);
    }
  }

  /** A coarse event tells what changed; the present state is read here, once where several tell of the same thing. */
  private async userUpdate(
    userId: string,
    { update, isSuperseded }: Extract<StreamItem, { kind: "user" }>,
  ): Promise<pb.UserUpdate> {
    const sequence = BigInt(update.sequence);
    if (isSuperseded) return create(pb.UserUpdateSchema, { sequence });
    return create(pb.UserUpdateSchema, { sequence, event: await this.userEvent(userId, update) });
  }

  private async userEvent(userId: string, update: UserUpdate): Promise<pb.UserUpdate["event"]> {
    const event = update.event;
    switch (event.kind) {
      case "chat_changed":
        return { case: "chatChanged", value: chatMessage(await this.deps.store.chats.get(userId, event.chatId)) };
      case "daemon_changed": {
        const daemon = await this.deps.store.daemons.find(userId, event.daemonId);
        if (daemon === undefined) return { case: undefined };
        return { case: "daemonChanged", value: daemonMessage(daemon, isOnline(daemon, this.deps.clock.now())) };
      }
      default:
        // Written by a newer server in a rolling upgrade: the number alone.
        event satisfies never;
        return { case: undefined };
    }
  }
}
