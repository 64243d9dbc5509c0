/** Task queue of the workflows and the model calls. */
export const TASK_QUEUE = "reliant";

/** Tool calls wait on a queue of their own, so that no number of them keeps a model call from being taken. */
export function toolQueueOf(taskQueue: string): string {
  return `${taskQueue}-tools`;
}
