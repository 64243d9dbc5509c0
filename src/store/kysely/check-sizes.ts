import type { ContentBlock, ToolResult } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** base64 is a third longer than its bytes. */
const IMAGE_BASE64_BYTES = Math.ceil(LIMITS.toolImageBytes / 3) * 4;

/** Throws `resource_exhausted` where a result is larger than the ledger takes. */
export function checkResult(toolCallId: string, result: ToolResult | undefined): void {
  if (result === undefined) return;
  const act = `store the result of tool call ${toolCallId}`;
  bounded(act, "its text", Buffer.byteLength(result.text), LIMITS.toolResultTextBytes);
  for (const { data } of result.images ?? []) bounded(act, "an image", data.length, IMAGE_BASE64_BYTES);
}

/** Throws `resource_exhausted` where a message is larger than a chat takes. */
export function checkBlocks(messageId: string, blocks: readonly ContentBlock[]): void {
  const act = `store message ${messageId}`;
  for (const block of blocks) {
    switch (block.kind) {
      case "text":
      case "thinking":
        bounded(act, "a block", Buffer.byteLength(block.text), LIMITS.blockTextBytes);
        break;
      case "tool_call":
        bounded(act, "the input of a tool call", Buffer.byteLength(JSON.stringify(block.input)), LIMITS.toolInputBytes);
        break;
      case "image":
      case "file":
        bounded(act, `its ${block.kind}`, block.data.length, Math.ceil(LIMITS.requestBodyBytes / 3) * 4);
        break;
      case "tool_result":
        checkResult(block.toolCallId, block.result);
        break;
    }
  }
}

/** The user's own: few blocks, and no more text than a model reads. */
export function checkUserBlocks(messageId: string, blocks: readonly ContentBlock[]): void {
  const act = `store message ${messageId}`;
  if (blocks.length === 0) throw new ReliantError("invalid_argument", `${act}: it is empty`);
  if (blocks.length > LIMITS.messageBlocks) {
    throw new ReliantError("resource_exhausted", `${act}: ${blocks.length} blocks, at most ${LIMITS.messageBlocks}`);
  }
  const other = blocks.find(({ kind }) => kind !== "text" && kind !== "image" && kind !== "file");
  if (other !== undefined) throw new ReliantError("invalid_argument", `${act}: a user writes no ${other.kind} block`);
  const text = blocks.reduce((sum, block) => sum + (block.kind === "text" ? Buffer.byteLength(block.text) : 0), 0);
  bounded(act, "its text", text, LIMITS.messageTextBytes);
  checkBlocks(messageId, blocks);
}

function bounded(act: string, what: string, size: number, max: number): void {
  if (size <= max) return;
  throw new ReliantError("resource_exhausted", `${act}: ${what} has ${size} bytes, at most ${max} are taken`);
}
