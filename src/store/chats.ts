import type { Chat, ContentBlock, Message, Run } from "../chat/message.ts";
import type { ToolCall } from "../chat/tool-call.ts";
import type { Page } from "./projects.ts";

export interface NewChat {
  readonly id: string;
  readonly userId: string;
  readonly projectId?: string;
  readonly title: string;
  readonly model: string;
  readonly daemonId?: string;
}

/** A chat as clients see it and change it. */
export interface Chats {
  /**
   * A new chat; the same id again answers the chat that is there. Throws `already_exists` where the id is another
   * user's, `not_found` for a project of another user. A user update.
   */
  create(chat: NewChat): Promise<Chat>;
  /**
   * A new chat with its first message: `create` and `sendMessage` in one transaction, and one user update for both. The
   * same ids again change nothing and answer what is there.
   */
  start(
    chat: NewChat,
    message: { readonly messageId: string; readonly blocks: readonly ContentBlock[] },
  ): Promise<{ readonly chat: Chat; readonly message: Message; readonly run: Run; readonly outboxId?: string }>;
  /** Throws `not_found`. */
  get(userId: string, chatId: string): Promise<Chat>;
  /** Newest change first. */
  list(query: {
    readonly userId: string;
    readonly projectId?: string;
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<Page<Chat>>;
  /**
   * The message's row, a run where none is under way, their numbers and an outbox row (`wake`), in one transaction.
   * The same message id again changes nothing and answers what is there. Throws `not_found`, `already_exists` where
   * the id is of another chat.
   */
  sendMessage(message: {
    readonly userId: string;
    readonly chatId: string;
    readonly messageId: string;
    readonly blocks: readonly ContentBlock[];
  }): Promise<{ readonly message: Message; readonly run: Run; readonly outboxId?: string }>;
  /**
   * Messages between the positions, in order, and the chat's last number, read together. Open answers are left out. Of
   * more than fit, the first; with `newest` the last.
   */
  listMessages(query: {
    readonly userId: string;
    readonly chatId: string;
    readonly afterPosition: number;
    readonly beforePosition?: number;
    readonly newest?: boolean;
    readonly limit: number;
  }): Promise<{ readonly messages: readonly Message[]; readonly sequence: number; readonly more: boolean }>;
  /**
   * Marks the run under way as to be cancelled, ends its calls that are not running yet (`cancelled`) and writes an
   * outbox row (`cancel`). Answers the calls that are running: they are cancelled through their daemons. Without a run
   * under way, and without an open call of the newest one, nothing changes. Throws `not_found`.
   */
  requestCancel(
    userId: string,
    chatId: string,
  ): Promise<{ readonly run?: Run; readonly running: readonly ToolCall[]; readonly outboxId?: string }>;
}
