import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { type Message, type Run, RunState } from "../gen/reliant/v1/chat_pb.ts";
import { untilAnswered } from "./api-retry.ts";
import { Bell } from "./bell.ts";
import { followChat } from "./chat-stream.ts";
import type { ChatFact, SeenStreamFault, TurnFact } from "./facts.ts";
import type { Random } from "./seeded-random.ts";
import { StreamRecord } from "./stream-record.ts";
import type { ChaosDaemon, Target } from "./target.ts";
import { answerTexts, callFacts } from "./transcript-facts.ts";
import { answerOf, pickKind, turnMark, turnPrompt } from "./turn-plan.ts";

export interface SessionOptions {
  readonly target: Target;
  readonly daemon: ChaosDaemon;
  /** Counts the chats of one command, from 1. */
  readonly number: number;
  readonly random: Random;
  readonly clock: Clock;
  /** After each numbered update of the chat. */
  readonly onMove: () => void;
  /** After each turn: when it was sent, by the monotonic clock. */
  readonly onTurn: (sentAtMs: number) => void;
}

type Turn = { -readonly [K in keyof TurnFact]: TurnFact[K] };

/** One chat: turn after turn, followed by a stream; at its end all that is known of it. */
export class ChatSession {
  private readonly chatId = newId("chat");
  private readonly record = new StreamRecord(this.chatId);
  private readonly bell = new Bell();
  private readonly turns: Turn[] = [];
  private readonly streamFaults: SeenStreamFault[] = [];

  constructor(private readonly options: SessionOptions) {}

  /** What it waits for, for people. */
  get waitsFor(): string {
    const turn = this.turns.at(-1);
    if (turn === undefined) return `c${this.options.number} begins`;
    return `${turn.mark} (${turn.kind}) ${turn.acceptedAtMs === undefined ? "is not taken" : "runs"}, last update ${this.record.lastSequence}`;
  }

  /** Begins no turn after `stop`; ends at rest, or at `end` as it is. Never throws. */
  async run(stop: AbortSignal, end: AbortSignal): Promise<ChatFact> {
    const failed = new AbortController();
    const signal = AbortSignal.any([end, failed.signal]);
    const leave = new AbortController();
    let following: Promise<void> | undefined;
    let told = this.record.lastSequence;
    const follow = () => {
      following ??= followChat(this.record, {
        ...{ api: this.options.target.api, url: this.options.target.apiUrl, chatId: this.chatId },
        ...{ clock: this.options.clock, signal: AbortSignal.any([leave.signal, end]) },
        onUpdate: () => {
          // Only a numbered update is a move: a stream says that it is alive of a chat that is stuck, too.
          if (this.record.lastSequence > told) this.options.onMove();
          told = this.record.lastSequence;
          this.noteFaults();
          this.bell.ring();
        },
      }).catch((error: unknown) => failed.abort(error));
    };
    try {
      await this.talk(follow, stop, signal);
      return this.fact(await this.settle(signal));
    } catch (error) {
      return this.fact(
        [],
        `${this.waitsFor}: ${messageOf(signal.aborted ? signal.reason : error)}${await this.seenByApi()}`,
      );
    } finally {
      leave.abort();
      await following;
    }
  }

  private async talk(follow: () => void, stop: AbortSignal, signal: AbortSignal): Promise<void> {
    const { target, daemon, number, random } = this.options;
    const { project } = await this.ask("create project", signal, (options) =>
      target.api.projects.createProject({ name: "chaos", path: daemon.root }, options),
    );
    for (let index = 1; index <= TRIAL_LIMITS.chaosTurnsPerChat && !stop.aborted; index++) {
      const kind = pickKind(random);
      const sentAtMs = this.options.clock.stamp().monotonicMs;
      const mark = turnMark(number, index);
      const turn: Turn = { mark, kind, sentAtMs: this.options.clock.now(), answered: false };
      this.turns.push(turn);
      const messageId = newId("msg");
      const blocks = [{ content: { case: "text" as const, value: { text: turnPrompt(kind, mark) } } }];
      const ended = this.record.runEnds.length;
      if (index === 1) {
        const start = {
          projectId: project?.id ?? "",
          daemonId: daemon.id,
          model: target.model,
          title: `chaos c${number}`,
        };
        await this.ask("create chat", signal, (options) =>
          target.api.chats.createChat({ ...start, chatId: this.chatId, messageId, blocks }, options),
        );
        follow();
      } else {
        await this.ask("send message", signal, (options) =>
          target.api.chats.sendMessage({ chatId: this.chatId, messageId, blocks }, options),
        );
      }
      turn.acceptedAtMs = this.options.clock.now();
      await this.bell.until(() => this.record.runEnds.length > ended, signal);
      const run = this.record.runEnds[ended];
      if (run !== undefined) turn.end = { atMs: this.options.clock.now(), ...endOf(run) };
      this.options.onTurn(sentAtMs);
    }
  }

  /** The messages as the store has them, when the stream has told all of them. */
  private async settle(signal: AbortSignal): Promise<Message[]> {
    const { api } = this.options.target;
    const messages: Message[] = [];
    if (this.turns.length === 0) return messages;
    for (;;) {
      const afterPosition = messages.at(-1)?.position ?? 0n;
      const page = await this.ask("list messages", signal, (options) =>
        api.chats.listMessages(
          { chatId: this.chatId, afterPosition, pageSize: TRIAL_LIMITS.chaosPageMessages },
          options,
        ),
      );
      messages.push(...page.messages);
      if (page.more) continue;
      await this.bell.until(() => this.record.lastSequence >= page.sequence, signal);
      this.record.compare(messages);
      this.noteFaults();
      return messages;
    }
  }

  private fact(messages: readonly Message[], stuck?: string): ChatFact {
    const texts = answerTexts(messages);
    return {
      name: `c${this.options.number}`,
      chatId: this.chatId,
      daemon: this.options.daemon.name,
      turns: this.turns.map((turn) => ({ ...turn, answered: texts.includes(answerOf(turn.mark)) })),
      calls: callFacts(messages),
      streamFaults: this.streamFaults,
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  private noteFaults(): void {
    const atMs = this.options.clock.now();
    this.streamFaults.push(...this.record.faults.slice(this.streamFaults.length).map((fault) => ({ ...fault, atMs })));
  }

  private ask<T>(act: string, signal: AbortSignal, call: Parameters<typeof untilAnswered<T>>[2]): Promise<T> {
    return untilAnswered({ url: this.options.target.apiUrl, clock: this.options.clock, signal }, act, call);
  }

  /** What the API says of a chat that does not come to rest. */
  private async seenByApi(): Promise<string> {
    try {
      const options = { timeoutMs: TRIAL_LIMITS.chaosRequestMs };
      const { chat } = await this.options.target.api.chats.getChat({ chatId: this.chatId }, options);
      const run = chat?.run;
      return `; the API says: run ${run?.id ?? "none"} ${RunState[run?.state ?? 0]}, last update ${chat?.sequence}`;
    } catch (error) {
      return `; the API says nothing: ${messageOf(error)}`;
    }
  }
}

function endOf(run: Run): { readonly state: "succeeded" | "failed" | "cancelled"; readonly error: string } {
  const error = run.errorMessage;
  if (run.state === RunState.SUCCEEDED) return { state: "succeeded", error };
  return { state: run.state === RunState.CANCELLED ? "cancelled" : "failed", error };
}
