import { type Chat, type Message, Role, RunState } from "../../src/gen/reliant/v1/chat_pb.ts";
import { BlockDelta_Kind as DeltaKind, type StreamUserUpdatesResponse } from "../../src/gen/reliant/v1/update_pb.ts";
import type { ApiClients } from "../../src/stack/stack-client.ts";

/** What a client saw of a chat. */
export interface Followed {
  readonly sequences: readonly bigint[];
  readonly messages: readonly Message[];
  /** Text and thinking of each block as they streamed, by message and block: `MESSAGE/BLOCK`. */
  readonly streamed: ReadonlyMap<string, string>;
  readonly outcome: RunState;
  readonly error: string;
}

/** Follows a chat from a number until its run with that count of ends has ended; throws after `timeoutMs`. */
export async function followChat(
  api: ApiClients,
  chatId: string,
  options: {
    readonly afterSequence?: bigint;
    readonly runs?: number;
    readonly timeoutMs?: number;
    readonly onUpdate?: (response: StreamUserUpdatesResponse) => void;
  } = {},
): Promise<Followed> {
  const sequences: bigint[] = [];
  const messages: Message[] = [];
  const streamed = new Map<string, string>();
  let ends = options.runs ?? 1;
  const left = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(options.timeoutMs ?? 60_000), left.signal]);
  // Leaving the loop does not end the request: the client goes on reading behind it.
  using _ = { [Symbol.dispose]: () => left.abort() };
  const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: options.afterSequence ?? 0n }] };
  for await (const response of api.updates.streamUserUpdates(request, { signal })) {
    options.onUpdate?.(response);
    takeDelta(streamed, response);
    if (response.update.case !== "chat") continue;
    const { sequence, event } = response.update.value;
    sequences.push(sequence);
    // What streamed under the attempt before is void.
    if (event.case === "attemptStarted") {
      for (const key of streamed.keys()) if (key.startsWith(`${event.value.messageId}/`)) streamed.delete(key);
    }
    if (event.case === "message") messages.push(event.value);
    if (event.case !== "run" || event.value.state === RunState.RUNNING) continue;
    ends--;
    if (ends > 0) continue;
    return { sequences, messages, streamed, outcome: event.value.state, error: event.value.errorMessage };
  }
  throw new Error(`follow chat ${chatId}: the stream ended after ${sequences.length} updates`);
}

function takeDelta(streamed: Map<string, string>, response: StreamUserUpdatesResponse): void {
  if (response.update.case !== "delta" || response.update.value.kind === DeltaKind.TOOL_INPUT) return;
  const { messageId, blockIndex, offset, text } = response.update.value;
  const key = `${messageId}/${blockIndex}`;
  const before = streamed.get(key) ?? "";
  const have = BigInt(Buffer.byteLength(before));
  if (offset !== have) throw new Error(`delta of ${key} at byte ${offset}, where ${have} were sent`);
  streamed.set(key, before + text);
}

/** The text of a block as it stands in the end. */
export function finalText(followed: Followed, key: string): string | undefined {
  const [messageId, index] = key.split("/");
  const block = followed.messages.find((message) => message.id === messageId)?.blocks[Number(index)];
  return block?.content.case === "text" || block?.content.case === "thinking" ? block.content.value.text : undefined;
}

/** The text of the last answer. */
export function lastAnswer(followed: Followed): string {
  const answer = followed.messages.findLast((message) => message.role === Role.ASSISTANT);
  return (answer?.blocks ?? [])
    .map((block) => (block.content.case === "text" ? block.content.value.text : ""))
    .join("");
}

/** 1, 2, 3, … n: every update once and in order. */
export function countingFrom(first: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => first + BigInt(index));
}

/** Starts a chat with one text. */
export async function startChat(
  api: ApiClients,
  text: string,
  place: { readonly path: string; readonly daemonId?: string },
): Promise<Chat> {
  const { project } = await api.projects.createProject({ name: "test", path: place.path });
  const { chat } = await api.chats.createChat({
    projectId: project?.id ?? "",
    daemonId: place.daemonId ?? "",
    blocks: [{ content: { case: "text", value: { text } } }],
  });
  if (chat === undefined) throw new Error("create chat: no chat in the answer");
  return chat;
}
