import { create, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../src/core/errors.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { MessageState } from "../../src/gen/reliant/v1/chat_pb.ts";
import * as pb from "../../src/gen/reliant/v1/update_pb.ts";
import { Lane } from "./lane.ts";
import type { Life } from "./life.ts";
import type { ApiReplica } from "./servers.ts";
import type { StoreWatch } from "./store-watch.ts";
import type { Transcripts } from "./transcripts.ts";
import type { World } from "./world.ts";

/** A client gives a silent stream up after this: three keep-alives. */
const SILENT_MS = 3 * LIMITS.keepAliveMs;
/** Chats that a client has in sight, however long nothing happens in them. */
const NEWEST = 6;

export interface ViewerParts {
  readonly world: World;
  readonly transcripts: Transcripts;
  apis(): readonly ApiReplica[];
  /** A token of the user that is in force, as far as is known. */
  token(): string;
  /** The token does not hold: a new one is needed. */
  refused(): void;
  readonly watch: StoreWatch;
  /** The user's chats, the newest last. */
  chats(): readonly string[];
}

/** What one client has of one chat. */
interface Followed {
  sequence: number;
  readonly hashes: (bigint | number)[];
}

/** The answer that is being written, as one connection has it. */
interface LiveMessage {
  attempt: number;
  readonly bytes: Map<number, number>;
  readonly texts: Map<number, string>;
}

/**
 * A client: follows its user's chats on one replica after the other, from the numbers that it has. What it is sent is
 * checked as it comes: each number once and in order, each byte of live text once and in order.
 */
export class Viewer {
  readonly life: Life;
  readonly followed = new Map<string, Followed>();
  private live = new Map<string, LiveMessage>();
  private readonly settled = new Set<string>();
  private hangUp: (() => void) | undefined;

  constructor(
    private readonly parts: ViewerParts,
    readonly name: string,
  ) {
    this.life = parts.world.begin(name);
  }

  /** Follows for as long as the run lasts. */
  async follow(): Promise<void> {
    const { world, apis } = this.parts;
    for (;;) {
      await this.life.wait(world.latencyMs() + world.chance.real() * 300);
      const api = world.chance.oneOf(apis());
      if (api === undefined) {
        await this.life.wait(500);
        continue;
      }
      try {
        await this.connection(api);
      } catch (error) {
        world.history.note(`${this.name}: stream ends: ${messageOf(error)}`);
        if (messageOf(error).includes("token")) this.parts.refused();
      }
    }
  }

  /** The client breaks its stream off, and comes again. */
  reconnect(): void {
    this.hangUp?.();
  }

  sequenceOf(chatId: string): number {
    return this.followed.get(chatId)?.sequence ?? 0;
  }

  /** The newest chats, and those of which something is missing. */
  private wanted(): readonly string[] {
    const { watch } = this.parts;
    const all = this.parts.chats();
    const newest = all.length - NEWEST;
    const missing = (chatId: string) => this.sequenceOf(chatId) < (watch.sequences.get(chatId) ?? 0);
    return all.filter((chatId, index) => index >= newest || missing(chatId)).slice(0, LIMITS.chatsPerStream);
  }

  private async connection(api: ApiReplica): Promise<void> {
    const { world } = this.parts;
    this.live = new Map();
    const chats = this.wanted();
    const lane = new Lane<pb.StreamUserUpdatesResponse>(world, this.life);
    const left = new AbortController();
    this.hangUp = () => {
      left.abort();
      lane.fail(new Error("hung up"));
    };
    api.life.whenEnded(() => {
      if (!left.signal.aborted) this.life.later(world.longMs(), () => lane.fail(new Error("the server is gone")));
    });
    api.life.later(world.latencyMs(), () => void this.serve(api, chats, lane, left.signal));
    let stopTimer = this.life.clock.after(SILENT_MS, () => this.hangUp?.());
    try {
      for await (const response of lane.frames()) {
        stopTimer();
        stopTimer = this.life.clock.after(SILENT_MS, () => this.hangUp?.());
        if (world.faults.hits("client: reads slowly")) await this.life.wait(world.longMs() * 2);
        this.take(response);
        // A client that follows other chats by now asks anew.
        if (this.wanted().some((chatId) => !chats.includes(chatId))) break;
      }
    } finally {
      stopTimer();
      left.abort();
    }
  }

  /** The replica's half of the stream. */
  private async serve(
    api: ApiReplica,
    chats: readonly string[],
    lane: Lane<pb.StreamUserUpdatesResponse>,
    signal: AbortSignal,
  ): Promise<void> {
    const token = this.parts.token();
    try {
      const identity = await api.identify(token, "api");
      const mayGoOn = async () => (await api.identify(token, "api")).believedUntilMs;
      const request = create(pb.StreamUserUpdatesRequestSchema, {
        afterSequence: -1n,
        chats: chats.map((chatId) => ({ chatId, afterSequence: BigInt(this.sequenceOf(chatId)) })),
      });
      for await (const response of api.streaming.streamUserUpdates({ identity, mayGoOn }, request, signal)) {
        await lane.send(response, `${response.update.case} from ${api.life.name}`);
      }
      lane.end(undefined);
    } catch (error) {
      lane.end(error);
    }
  }

  private take({ update }: pb.StreamUserUpdatesResponse): void {
    if (update.case === "chat") this.takeUpdate(update.value);
    if (update.case === "delta") this.takeDelta(update.value);
  }

  private takeUpdate(update: pb.ChatUpdate): void {
    const { transcripts, world } = this.parts;
    const { chatId } = update;
    const followed = this.followed.get(chatId) ?? { sequence: 0, hashes: [] };
    this.followed.set(chatId, followed);
    const sequence = Number(update.sequence);
    const name = world.history.name(chatId);
    if (sequence !== followed.sequence + 1) {
      world.fail("transcript-prefix", `${this.name} has ${name} up to ${followed.sequence} and is sent ${sequence}`);
    }
    followed.sequence = sequence;
    const hash = Bun.hash(toBinary(pb.ChatUpdateSchema, update));
    followed.hashes.push(hash);
    transcripts.sent(chatId, sequence, hash, this.name);
    if (update.event.case === "attemptStarted") {
      const { messageId, attempt } = update.event.value;
      this.live.set(messageId, { attempt, bytes: new Map(), texts: new Map() });
    }
    if (update.event.case === "message") this.settle(update.event.value);
  }

  private takeDelta(delta: pb.BlockDelta): void {
    const { world } = this.parts;
    const { messageId, blockIndex } = delta;
    const name = world.history.name(messageId);
    if (this.settled.has(messageId)) {
      world.fail("live-text-without-gap", `${this.name} is sent live text of ${name}, which stands`);
    }
    const known = this.live.get(messageId);
    const message =
      known?.attempt === delta.attempt ? known : { attempt: delta.attempt, bytes: new Map(), texts: new Map() };
    if (known !== undefined && delta.attempt < known.attempt) {
      world.fail("live-text-without-gap", `${this.name} is sent text of attempt ${delta.attempt} of ${name}`);
    }
    this.live.set(messageId, message);
    const has = message.bytes.get(blockIndex) ?? 0;
    if (Number(delta.offset) !== has) {
      world.fail("live-text-without-gap", `${this.name} has ${has} bytes of ${name} and is sent byte ${delta.offset}`);
    }
    message.bytes.set(blockIndex, has + Buffer.byteLength(delta.text));
    message.texts.set(blockIndex, (message.texts.get(blockIndex) ?? "") + delta.text);
  }

  /**
   * The message stands in the place of what was streamed of it: a whole one begins with that. Of one that was cut off, by
   * somebody who had only the stored part, the end may be withdrawn.
   */
  private settle(message: Extract<pb.ChatUpdate["event"], { case: "message" }>["value"]): void {
    const streamed = this.live.get(message.id)?.texts.get(0) ?? "";
    const [first] = message.blocks;
    const text = first?.content.case === "text" || first?.content.case === "thinking" ? first.content.value.text : "";
    this.live.delete(message.id);
    this.settled.add(message.id);
    if (text.startsWith(streamed)) return;
    const { world } = this.parts;
    const isCutOff = message.state === MessageState.INTERRUPTED || message.state === MessageState.FAILED;
    if (isCutOff && streamed.startsWith(text)) {
      world.reach.note("stream: the end of an answer that was cut off is withdrawn");
      return;
    }
    world.fail(
      "live-text-without-gap",
      `${this.name} was sent other text of ${world.history.name(message.id)} than stands`,
    );
  }
}
