import { create } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import type { ContentBlock } from "../chat/message.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import * as pb from "../gen/reliant/v1/chat_pb.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import type { Store } from "../store/store.ts";
import { chatMessage, messageMessage, runMessage } from "./wire-mapping.ts";

export interface ChatServiceDeps {
  readonly store: Pick<Store, "chats" | "outbox">;
  readonly engine: Pick<WorkflowEngine, "wake" | "cancel">;
  readonly router: Pick<DaemonRouter, "cancelToolCall">;
  /** Refuses a model that nobody here can call, before a chat is made for it. */
  readonly checkModel: ModelCheck;
  /** The model of a chat that names none. */
  readonly defaultModel: string | undefined;
}

/** Throws `invalid_argument` where the name is not of a provider that is known. */
export type ModelCheck = (name: string) => void;

const PAGE = 50;

/** What RPC and REST routes both call: chats, their messages and runs. */
export class ChatApi {
  private readonly log = logger("api", "chats");

  constructor(private readonly deps: ChatServiceDeps) {}

  async createChat(identity: Identity, request: pb.CreateChatRequest): Promise<pb.CreateChatResponse> {
    const { userId } = identity;
    const model = request.model === "" ? this.deps.defaultModel : request.model;
    if (model === undefined) {
      throw new ReliantError(
        "failed_precondition",
        "create chat: no model is named, and the server has no default: name one as PROVIDER/NAME (--model, or RELIANT_MODEL of the server)",
      );
    }
    this.deps.checkModel(model);
    const blocks = userBlocks(request.blocks);
    const chatId = request.chatId === "" ? newId("chat") : request.chatId;
    const chat = await this.deps.store.chats.create({
      id: chatId,
      userId,
      title: request.title === "" ? titleOf(blocks) : request.title,
      model,
      ...(request.projectId === "" ? {} : { projectId: request.projectId }),
      ...(request.daemonId === "" ? {} : { daemonId: request.daemonId }),
    });
    if (blocks.length === 0) return create(pb.CreateChatResponseSchema, { chat: chatMessage(chat) });
    const { message } = await this.accept(userId, chatId, request.messageId, blocks);
    const started = await this.deps.store.chats.get(userId, chatId);
    return create(pb.CreateChatResponseSchema, { chat: chatMessage(started), message: messageMessage(message) });
  }

  async getChat(identity: Identity, request: pb.GetChatRequest): Promise<pb.GetChatResponse> {
    const chat = await this.deps.store.chats.get(identity.userId, request.chatId);
    return create(pb.GetChatResponseSchema, { chat: chatMessage(chat) });
  }

  async listChats(identity: Identity, request: pb.ListChatsRequest): Promise<pb.ListChatsResponse> {
    const page = await this.deps.store.chats.list({
      userId: identity.userId,
      limit: request.pageSize === 0 ? PAGE : request.pageSize,
      ...(request.pageToken === "" ? {} : { cursor: request.pageToken }),
      ...(request.projectId === "" ? {} : { projectId: request.projectId }),
    });
    return create(pb.ListChatsResponseSchema, {
      chats: page.items.map(chatMessage),
      nextPageToken: page.nextCursor ?? "",
    });
  }

  async sendMessage(identity: Identity, request: pb.SendMessageRequest): Promise<pb.SendMessageResponse> {
    const blocks = userBlocks(request.blocks);
    const { message, run } = await this.accept(identity.userId, request.chatId, request.messageId, blocks);
    return create(pb.SendMessageResponseSchema, { message: messageMessage(message), run: runMessage(run) });
  }

  async listMessages(identity: Identity, request: pb.ListMessagesRequest): Promise<pb.ListMessagesResponse> {
    const read = await this.deps.store.chats.listMessages({
      userId: identity.userId,
      chatId: request.chatId,
      afterPosition: Number(request.afterPosition),
      newest: request.newest,
      ...(request.beforePosition === 0n ? {} : { beforePosition: Number(request.beforePosition) }),
      limit: request.pageSize === 0 ? PAGE : request.pageSize,
    });
    return create(pb.ListMessagesResponseSchema, {
      messages: read.messages.map(messageMessage),
      sequence: BigInt(read.sequence),
      more: read.more,
    });
  }

  async cancelRun(identity: Identity, request: pb.CancelRunRequest): Promise<pb.CancelRunResponse> {
    const { store, engine, router } = this.deps;
    const cancelled = await store.chats.requestCancel(identity.userId, request.chatId);
    // Straight to the running tools, and by the engine: whichever is first. The row stands, so neither may be needed.
    const told = await Promise.allSettled([
      ...cancelled.running.map((toolCall) => router.cancelToolCall(toolCall)),
      this.tell(cancelled.outboxId, () => engine.cancel(request.chatId)),
    ]);
    for (const result of told) {
      if (result.status === "rejected")
        this.log.warn("a cancel is left to the outbox", { reason: String(result.reason) });
    }
    return create(pb.CancelRunResponseSchema, cancelled.run === undefined ? {} : { run: runMessage(cancelled.run) });
  }

  /** Rows first; then the engine is told. Where it is away the message is accepted all the same: the outbox repeats. */
  private async accept(userId: string, chatId: string, givenId: string, blocks: readonly ContentBlock[]) {
    const messageId = givenId === "" ? newId("msg") : givenId;
    const sent = await this.deps.store.chats.sendMessage({ userId, chatId, messageId, blocks });
    await this.tell(sent.outboxId, () => this.deps.engine.wake(chatId)).catch((error: unknown) => {
      this.log.warn("the engine is away: the outbox will repeat", { chatId, reason: String(error) });
    });
    return sent;
  }

  private async tell(outboxId: string | undefined, tell: () => Promise<void>): Promise<void> {
    if (outboxId === undefined) return;
    await tell();
    await this.deps.store.outbox.done([outboxId]);
  }
}

/** Blocks that a user may send; refuses the others, and too much text. */
function userBlocks(blocks: readonly pb.ContentBlock[]): ContentBlock[] {
  const ours = blocks.map((block, index) => userBlock(block, index));
  const textBytes = ours.reduce((sum, block) => sum + (block.kind === "text" ? Buffer.byteLength(block.text) : 0), 0);
  if (textBytes > LIMITS.messageTextBytes) {
    throw new ReliantError(
      "invalid_argument",
      `blocks: ${textBytes} bytes of text, at most ${LIMITS.messageTextBytes}: send the text as a file in the project`,
    );
  }
  return ours;
}

function userBlock(block: pb.ContentBlock, index: number): ContentBlock {
  const content = block.content;
  switch (content.case) {
    case "text":
      // Providers refuse it, and the run would fail.
      if (content.value.text.trim() === "") {
        throw new ReliantError("invalid_argument", `blocks[${index}]: the text is empty`);
      }
      return { kind: "text", text: content.value.text };
    case "image":
      return { kind: "image", mediaType: content.value.mediaType, data: base64(content.value.data) };
    case "file":
      return {
        kind: "file",
        name: content.value.name,
        mediaType: content.value.mediaType,
        data: base64(content.value.data),
      };
    default:
      throw new ReliantError("invalid_argument", `blocks[${index}]: a user sends text, image and file blocks only`);
  }
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

function titleOf(blocks: readonly ContentBlock[]): string {
  const text = blocks.find((block) => block.kind === "text")?.text ?? "";
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
