import type { ChatEvent, ChatUpdate, LiveBlock, ProviderWait, UserUpdate } from "../../../src/chat/chat-update.ts";
import type { Updates } from "../../../src/store/updates.ts";
import type { HubEvent, HubSubscription, UpdateHub } from "../../../src/updates/update-hub.ts";

/** What a store has of one chat that one answer is being written to, and what was announced of it. */
export class StreamedChat implements Pick<UpdateHub, "subscribe"> {
  readonly updates: ChatUpdate[] = [];
  readonly userUpdates: UserUpdate[] = [];
  /** Text of the present attempt: whole, and as far as it is stored. */
  text = "";
  storedText = "";
  attempt = 0;
  /** The wait for the provider that the store knows of. */
  wait: ProviderWait | undefined;
  subscriptions = 0;
  private handlers: Parameters<UpdateHub["subscribe"]>[1] | undefined;

  readonly store: { readonly updates: Updates } = {
    updates: {
      chatUpdates: async (_chatId, after, limit) => this.updates.filter((one) => one.sequence > after).slice(0, limit),
      userUpdates: async (_userId, after, limit) =>
        this.userUpdates.filter((one) => one.sequence > after).slice(0, limit),
      liveBlocks: async () => this.liveBlocks(),
      providerWait: async () => this.wait,
      liveOutput: async () => [],
      saveLiveOutput: () => undefined,
      lastSequences: async () => ({
        users: new Map([["u", this.userUpdates.length]]),
        chats: new Map([["c", this.updates.length]]),
      }),
    },
  };

  subscribe(_userId: string, handlers: Parameters<UpdateHub["subscribe"]>[1]): HubSubscription {
    this.handlers = handlers;
    this.subscriptions++;
    return {
      ready: Promise.resolve(),
      close: () => {
        this.handlers = undefined;
        this.subscriptions--;
      },
    };
  }

  publish(event: HubEvent): void {
    this.handlers?.onEvent(event);
  }

  lose(): void {
    this.handlers?.onLoss();
  }

  /** A numbered change; `announced`: whether the hub carries it. */
  number(event: ChatEvent, announced = true): void {
    const sequence = this.updates.length + 1;
    this.updates.push({ chatId: "c", sequence, event });
    if (announced) this.publish({ kind: "chat_sequence", userId: "u", chatId: "c", sequence });
  }

  beginAttempt(announced = true): void {
    this.attempt++;
    this.text = "";
    this.storedText = "";
    this.number({ kind: "attempt_started", messageId: "m", attempt: this.attempt }, announced);
  }

  waitForProvider(announced = true): void {
    const { attempt } = this;
    const wait = {
      messageId: "m",
      attempt,
      untilMs: 9_000_000,
      reason: { code: "unavailable", message: "overloaded" },
    };
    this.wait = { chatId: "c", ...wait };
    this.number({ kind: "provider_waiting", ...wait }, announced);
  }

  /** The model writes: a delta, which the hub may lose. */
  write(text: string, carried = true): void {
    const offset = Buffer.byteLength(this.text);
    this.text += text;
    if (!carried) return;
    const delta = {
      chatId: "c",
      messageId: "m",
      attempt: this.attempt,
      blockIndex: 0,
      blockKind: "text",
      offset,
      text,
    } as const;
    this.publish({ kind: "delta", userId: "u", delta });
  }

  /** One byte of a tool's output, live. */
  say(toolCallId: string, offset: number): void {
    const chunk = { chatId: "c", toolCallId, channel: "stdout", offset, data: btoa("x"), gapBytes: 0 } as const;
    this.publish({ kind: "tool_output", userId: "u", chunk });
  }

  storeText(): void {
    this.storedText = this.text;
  }

  private liveBlocks(): LiveBlock[] {
    if (this.storedText === "") return [];
    const { attempt, storedText: text } = this;
    return [{ chatId: "c", messageId: "m", attempt, blockIndex: 0, blockKind: "text", text }];
  }
}
