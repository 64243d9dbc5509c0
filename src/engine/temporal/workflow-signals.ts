/** Names of the chat workflow and its signals, as client and workflow write them. Old histories have them too. */
export const CHAT_WORKFLOW = "chat";
export const LOOK_SIGNAL = "look";
export const CANCEL_SIGNAL = "cancel";

export function chatWorkflowId(chatId: string): string {
  return `chat-${chatId}`;
}
