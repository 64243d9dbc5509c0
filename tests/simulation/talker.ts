import { create } from "@bufbuild/protobuf";
import type { Identity } from "../../src/auth/identity.ts";
import { messageOf, ReliantError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import * as pb from "../../src/gen/reliant/v1/chat_pb.ts";
import type { ApiReplica } from "./servers.ts";
import type { StoreWatch } from "./store-watch.ts";
import type { World } from "./world.ts";

/** A message that the API has accepted: it must be answered, or its run's end must say why not. */
export interface Accepted {
  readonly chatId: string;
  readonly messageId: string;
}

export interface TalkerParts {
  readonly world: World;
  readonly watch: StoreWatch;
  readonly userId: string;
  readonly accepted: Accepted[];
  apis(): readonly ApiReplica[];
  token(): string;
  refused(): void;
  /** The user's chats that are followed. */
  readonly chats: string[];
}

/** Time that a client waits for an answer to a request. */
const ANSWER_MS = 6_000;
const MESSAGES_PER_CHAT = 5;
/** Runs under way, of all users together, beyond which nobody begins another chat. */
const RUNNING_AT_ONCE = 24;

/** Somebody who chats: sends messages until each is accepted, waits for the answer or interrupts, begins new chats. */
export class Talker {
  /** True when nothing is on its way any more. */
  isDone = false;
  /** The newest message that was taken. */
  lastMessageId = "";
  /** The chat that it writes into. */
  chatId = "";
  private sent = 0;

  constructor(
    private readonly parts: TalkerParts,
    readonly name: string,
  ) {}

  async talk(): Promise<void> {
    const { world } = this.parts;
    while (world.faults.on) {
      await this.say();
      await this.awaitAnswer();
      await this.pause(world.chance.real() * 400);
    }
    this.isDone = true;
  }

  /** One message more, in a chat of its own, and its answer. */
  async prove(): Promise<void> {
    this.isDone = false;
    this.sent = 0;
    await this.say();
    if (this.parts.watch.running.has(this.chatId)) await this.parts.watch.runEnds(this.chatId);
    this.isDone = true;
  }

  /** Asks for the chat's run to be cancelled. */
  async cancel(): Promise<void> {
    if (this.chatId === "" || !this.parts.watch.running.has(this.chatId)) return;
    const { chatId } = this;
    this.parts.world.faults.count("client: cancels");
    this.parts.world.history.note(`FAULT ${this.name} cancels ${this.parts.world.history.name(chatId)}`);
    const request = create(pb.CancelRunRequestSchema, { chatId });
    await this.request((api, identity) => api.chats.cancelRun(identity, request)).catch(() => undefined);
  }

  private async say(): Promise<void> {
    const messageId = newId("msg");
    const isNew = this.sent % MESSAGES_PER_CHAT === 0;
    this.sent++;
    if (isNew) this.chatId = newId("chat");
    const { chatId } = this;
    const blocks = [{ content: { case: "text" as const, value: { text: `message ${this.sent}` } } }];
    const begin = create(pb.CreateChatRequestSchema, { chatId, messageId, blocks });
    const send = create(pb.SendMessageRequestSchema, { chatId, messageId, blocks });
    await this.untilTaken(async () => {
      if (isNew) await this.request((api, identity) => api.chats.createChat(identity, begin));
      else await this.request((api, identity) => api.chats.sendMessage(identity, send));
    });
    this.parts.accepted.push({ chatId, messageId });
    this.lastMessageId = messageId;
    if (!this.parts.chats.includes(chatId)) this.parts.chats.push(chatId);
    this.parts.world.history.note(`${this.name}: ${this.parts.world.history.name(messageId)} is accepted`);
  }

  /** The same request again, until it is taken. */
  private async untilTaken(act: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (error instanceof ReliantError && error.code === "unauthenticated") this.parts.refused();
        else if (!(error instanceof ReliantError && error.row.retryable)) {
          this.parts.world.fail("nothing-lost", `${this.name}: a message is refused: ${messageOf(error)}`);
        }
        await this.pause(100 + this.parts.world.chance.real() * 1_000);
      }
    }
  }

  /** Until the run has ended; now and then the next message comes before. */
  private async awaitAnswer(): Promise<void> {
    const { world, watch } = this.parts;
    while (world.faults.on && watch.running.has(this.chatId)) {
      const patienceMs = world.chance.real() * (world.chance.hits(0.2) ? 1_000 : 8_000);
      await Promise.race([watch.runEnds(this.chatId), this.pause(patienceMs)]);
      if (!watch.running.has(this.chatId)) return;
      // It writes into the same chat, or leaves it to itself and begins another one.
      if (world.chance.hits(0.3)) return;
      if (watch.running.size < RUNNING_AT_ONCE) {
        this.sent = 0;
        return;
      }
    }
  }

  /** One request to a replica, with a network between. */
  private request<T>(run: (api: ApiReplica, identity: Identity) => Promise<T>): Promise<T> {
    const { world } = this.parts;
    const lost = () => new ReliantError("unavailable", "no answer");
    return new Promise((resolve, reject) => {
      world.scheduler.after(ANSWER_MS, undefined, () => reject(lost()));
      const api = world.chance.oneOf(this.parts.apis());
      if (api === undefined || world.faults.hits("client: request lost")) return;
      const answered = (tell: () => void) => {
        if (!world.faults.hits("client: answer lost")) world.scheduler.after(world.latencyMs(), undefined, tell);
      };
      api.life.later(world.latencyMs(), () => {
        api
          .identify(this.parts.token(), "api")
          .then((identity) => run(api, identity))
          .then(
            (value) => answered(() => resolve(value)),
            (error) => answered(() => reject(error)),
          );
      });
    });
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.parts.world.scheduler.after(ms, undefined, resolve);
    });
  }
}
