import { StreamRecord } from "../../../src/chaos/stream-record.ts";
import { callFacts } from "../../../src/chaos/transcript-facts.ts";
import { createApiClient } from "../../../src/client/api-client.ts";
import { runSession } from "../../../src/client/run-session.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { type Message, Role, type Run, RunState } from "../../../src/gen/reliant/v1/chat_pb.ts";
import type { StackDaemon } from "../../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../../src/stack/stack-user.ts";
import { eventually } from "../../support/eventually.ts";

/** One run as its client saw it, and as the store has it. */
export interface ChatEnd {
  readonly run: Run;
  /** What the store holds of the chat. */
  readonly messages: readonly Message[];
  /** What the client saw other than once, in order and as it is stored; empty when the transcript is what was streamed. */
  readonly streamFaults: readonly string[];
  readonly reconnects: number;
  readonly lastAnswer: string;
  readonly calls: ReturnType<typeof callFacts>;
}

/** A chat that the command line's own client (src/client) starts and follows, over as many streams as it takes. */
export class ClientChat {
  private reconnects = 0;
  private readonly run: Promise<Run>;

  private constructor(
    readonly chatId: string,
    private readonly user: StackUser,
    private readonly record: StreamRecord,
    run: Promise<Run>,
    reconnected: (listener: () => void) => void,
  ) {
    this.run = run;
    // Awaited in `ended`, perhaps long after it was rejected.
    this.run.catch(() => undefined);
    reconnected(() => {
      this.reconnects += 1;
    });
  }

  /** Resolves when the chat is there. The user's only daemon is the chat's. */
  static async start(url: string, user: StackUser, daemon: StackDaemon, prompt: string): Promise<ClientChat> {
    const api = createApiClient({ url, token: user.jwt, verifyTls: true });
    const begun = Promise.withResolvers<StreamRecord>();
    let onReconnect: () => void = () => undefined;
    let record: StreamRecord | undefined;
    const run = runSession(
      () => Promise.resolve(api),
      systemClock,
      { prompt, projectPath: daemon.root, projectName: "faults", model: "" },
      {
        onChat: (chat) => {
          record = new StreamRecord(chat.id);
          begun.resolve(record);
          chatId = chat.id;
        },
        onUpdate: async (update) => record?.take(update),
        onReconnect: () => {
          record?.connected();
          onReconnect();
        },
        onCancelUnheard: () => undefined,
      },
      { cancel: new AbortController().signal, signal: new AbortController().signal },
    );
    let chatId = "";
    run.catch(begun.reject);
    const started = await begun.promise;
    return new ClientChat(chatId, user, started, run, (listener) => {
      onReconnect = listener;
    });
  }

  /** The end of its run, compared with the store. */
  async ended(): Promise<ChatEnd> {
    const run = await this.run;
    const messages = await eventually("the messages of the chat", () => this.stored());
    this.record.compare(messages);
    const answer = messages.findLast((message) => message.role === Role.ASSISTANT);
    return {
      run,
      messages,
      streamFaults: this.record.faults.map((fault) => `${fault.kind}: ${fault.text}`),
      reconnects: this.reconnects,
      lastAnswer: (answer?.blocks ?? [])
        .map(({ content }) => (content.case === "text" ? content.value.text : ""))
        .join(""),
      calls: callFacts(messages),
    };
  }

  private async stored(): Promise<Message[]> {
    const messages: Message[] = [];
    for (;;) {
      const afterPosition = messages.at(-1)?.position ?? 0n;
      const page = await this.user.api.chats.listMessages({ chatId: this.chatId, afterPosition, pageSize: 200 });
      messages.push(...page.messages);
      if (!page.more) return messages;
    }
  }
}

export function succeeded(end: ChatEnd): boolean {
  return end.run.state === RunState.SUCCEEDED;
}
