import { LIMITS } from "../../core/limits.ts";
import type { WorkflowEngine } from "../workflow-engine.ts";
import { TASK_QUEUE } from "./task-queues.ts";
import type { TemporalConnection } from "./temporal-connection.ts";
import type { ChatWorkflowInput } from "./workflow-activities.ts";
import { CANCEL_SIGNAL, CHAT_WORKFLOW, chatWorkflowId, LOOK_SIGNAL } from "./workflow-signals.ts";

/** Chats as workflows of a Temporal server; this process is only a client, workers run them. */
export class TemporalEngine implements WorkflowEngine {
  private readonly taskQueue: string;
  private readonly historyEvents: number;

  constructor(
    private readonly connection: TemporalConnection,
    options: { readonly taskQueue?: string; readonly historyEvents?: number } = {},
  ) {
    this.taskQueue = options.taskQueue ?? TASK_QUEUE;
    this.historyEvents = options.historyEvents ?? LIMITS.historyEvents;
  }

  wake(chatId: string): Promise<void> {
    return this.signal(chatId, LOOK_SIGNAL);
  }

  cancel(chatId: string): Promise<void> {
    return this.signal(chatId, CANCEL_SIGNAL);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.connection.check(signal);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** One workflow a chat at any time: the one that runs gets the signal, or else a new one starts with it. */
  private async signal(chatId: string, signal: string): Promise<void> {
    const input: ChatWorkflowInput = { chatId, historyEvents: this.historyEvents };
    await this.connection.call(`${signal} for chat ${chatId}`, () =>
      this.connection.client.workflow.signalWithStart(CHAT_WORKFLOW, {
        workflowId: chatWorkflowId(chatId),
        taskQueue: this.taskQueue,
        args: [input],
        signal,
        signalArgs: [],
        workflowIdReusePolicy: "ALLOW_DUPLICATE",
        workflowIdConflictPolicy: "USE_EXISTING",
      }),
    );
  }
}
