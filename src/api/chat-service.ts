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
import type { Updates } from "../store/updates.ts";
import type { WakeQueue } from "./wake-queue.ts";
import { chatMessage, messageMessage, providerWaitMessage, runMessage } from "./wire-mapping.ts";

export interface ChatServiceDeps {
  readonly store: Pick<Store, "chats" | "outbox"> & { readonly updates: Pick<Updates, "providerWait"> };
  readonly engine: Pick<WorkflowEngine, "cancel">;
  readonly wakes: Pick<WakeQueue, "wake">;
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
    const chat = {
      id: request.chatId === "" ? newId("chat") : request.chatId,
      userId,
      title: request.title === "" ? titleOf(blocks) : request.title,
      model,
      ...(request.projectId === "" ? {} : { projectId: request.projectId }),
      ...(request.daemonId === "" ? {} : { daemonId: request.daemonId }),
    };
    const { chats } = this.deps.store;
    if (blocks.length === 0) {
      return create(pb.CreateChatResponseSchema, { chat: chatMessage(await chats.create(chat)) });
    }
    const started = await chats.start(chat, { messageId: messageIdOf(request), blocks });
    this.wake(chat.id, started.outboxId);
    return create(pb.CreateChatResponseSchema, {
      chat: chatMessage(started.chat),
      message: messageMessage(started.message),
    });
  }

  async getChat(identity: Identity, request: pb.GetChatRequest): Promise<pb.GetChatResponse> {
    const { store } = this.deps;
    const chat = await store.chats.get(identity.userId, request.chatId);
    const wait = chat.run?.state === "running" ? await store.updates.providerWait(chat.id) : undefined;
    return create(pb.GetChatResponseSchema, {
      chat: chatMessage(chat),
      ...(wait === undefined ? {} : { providerWait: providerWaitMessage(wait) }),
    });
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
    const { chatId } = request;
    const { message, run, outboxId } = await this.deps.store.chats.sendMessage({
      userId: identity.userId,
      chatId,
      messageId: messageIdOf(request),
      blocks: userBlocks(request.blocks),
    });
    this.wake(chatId, outboxId);
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
    const { store, router } = this.deps;
    const cancelled = await store.chats.requestCancel(identity.userId, request.chatId);
    // Straight to the running tools, and by the engine: whichever is first. The row stands, so neither may be needed.
    const told = await Promise.allSettled([
      ...cancelled.running.map((toolCall) => router.cancelToolCall(toolCall)),
      this.tellOfCancel(request.chatId, cancelled.outboxId),
    ]);
    for (const result of told) {
      if (result.status === "rejected")
        this.log.warn("a cancel is left to the outbox", { reason: String(result.reason) });
    }
    return create(pb.CancelRunResponseSchema, cancelled.run === undefined ? {} : { run: runMessage(cancelled.run) });
  }

  /** Rows first: the message is accepted when they stand, whether or not the engine is there to be told. */
  private wake(chatId: string, outboxId: string | undefined): void {
    if (outboxId !== undefined) this.deps.wakes.wake(chatId, outboxId);
  }

  private async tellOfCancel(chatId: string, outboxId: string | undefined): Promise<void> {
    if (outboxId === undefined) return;
    await this.deps.engine.cancel(chatId);
    await this.deps.store.outbox.done([outboxId]);
  }
}

function messageIdOf(request: { readonly messageId: string }): string {
  return request.messageId === "" ? newId("msg") : request.messageId;
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
