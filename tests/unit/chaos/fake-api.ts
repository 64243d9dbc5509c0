import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  ChatService,
  type Message,
  MessageSchema,
  MessageState,
  Role,
  RunState,
} from "../../../src/gen/reliant/v1/chat_pb.ts";
import { DaemonAdminService } from "../../../src/gen/reliant/v1/daemon_admin_pb.ts";
import { ProjectService } from "../../../src/gen/reliant/v1/project_pb.ts";
import { TokenService } from "../../../src/gen/reliant/v1/token_pb.ts";
import { type ChatUpdate, ChatUpdateSchema, StreamingService } from "../../../src/gen/reliant/v1/update_pb.ts";
import type { ApiClients } from "../../../src/stack/stack-client.ts";

/** An API of one chat, whose every turn is answered at once with `answer`; undefined: never. */
export class FakeApi {
  /** Requests that are refused as unavailable before one is taken. */
  refusals = 0;
  /** Streams break after so many updates each. */
  updatesPerStream = Number.POSITIVE_INFINITY;
  readonly clients: ApiClients;
  private readonly messages: Message[] = [];
  private readonly updates: ChatUpdate[] = [];
  private readonly taken = new Set<string>();

  constructor(private readonly answer: (prompt: string) => string | undefined) {
    const transport = createRouterTransport(({ service }) => {
      service(ProjectService, { createProject: async () => ({ project: { id: "prj_1" } }) });
      service(ChatService, {
        createChat: async ({ chatId, messageId, blocks }) => {
          this.take(chatId, messageId, textOf(blocks));
          return {};
        },
        sendMessage: async ({ chatId, messageId, blocks }) => {
          this.take(chatId, messageId, textOf(blocks));
          return {};
        },
        listMessages: async () => ({ messages: this.messages, sequence: BigInt(this.updates.length) }),
        getChat: async () => ({
          chat: { sequence: BigInt(this.updates.length), run: { id: "run_1", state: RunState.RUNNING } },
        }),
      });
      const { updates } = this;
      const perStream = () => this.updatesPerStream;
      service(StreamingService, {
        async *streamUserUpdates({ chats }, { signal }) {
          let at = Number(chats[0]?.afterSequence ?? 0n);
          for (let sent = 0; sent < perStream() && !signal.aborted; ) {
            const next = updates[at];
            if (next === undefined) {
              await Bun.sleep(1);
              continue;
            }
            at++;
            sent++;
            yield { update: { case: "chat", value: next } };
          }
        },
      });
    });
    this.clients = {
      chats: createClient(ChatService, transport),
      projects: createClient(ProjectService, transport),
      tokens: createClient(TokenService, transport),
      daemons: createClient(DaemonAdminService, transport),
      updates: createClient(StreamingService, transport),
    };
  }

  private take(chatId: string, messageId: string, text: string): void {
    if (this.refusals > 0) {
      this.refusals--;
      throw new ConnectError("away", Code.Unavailable);
    }
    if (this.taken.has(messageId)) return;
    this.taken.add(messageId);
    this.say(chatId, messageId, Role.USER, text);
    const answer = this.answer(text);
    if (answer === undefined) return;
    this.say(chatId, `${messageId}_answer`, Role.ASSISTANT, answer);
    this.push(chatId, { case: "run", value: { id: "run_1", state: RunState.SUCCEEDED } });
  }

  private say(chatId: string, id: string, role: Role, text: string): void {
    const position = BigInt(this.messages.length + 1);
    const blocks = [{ content: { case: "text" as const, value: { text } } }];
    const message = create(MessageSchema, { id, chatId, position, role, state: MessageState.COMPLETE, blocks });
    this.messages.push(message);
    this.push(chatId, { case: "message", value: message });
  }

  private push(chatId: string, event: NonNullable<MessageInitShape<typeof ChatUpdateSchema>["event"]>): void {
    this.updates.push(create(ChatUpdateSchema, { chatId, sequence: BigInt(this.updates.length + 1), event }));
  }
}

function textOf(blocks: Message["blocks"]): string {
  const content = blocks[0]?.content;
  return content?.case === "text" ? content.value.text : "";
}
