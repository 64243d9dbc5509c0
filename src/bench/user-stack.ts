import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import type { UserStack } from "./bench-part.ts";
import { driveAll, textBlock } from "./chat-runs.ts";
import { type Figure, type PartReport, spreadOf, timeOf } from "./figures.ts";

const REQUESTS = 200;
const AT_ONCE = 4;
/** As many as one user may hold on one replica, but for the one that listens here. */
const STREAMS = 40;
const CHATS = 30;

/** What a client can measure of an installation that is not ours to stop. It leaves chats without messages behind, titled as what they are. */
export async function measureUserStack(stack: UserStack): Promise<PartReport> {
  const client = clients(stack.url, stack.token);
  const listed: number[] = [];
  await driveAll(REQUESTS, AT_ONCE, async () => {
    listed.push(await timeOf(() => client.chats.listChats({ pageSize: 1 }, { signal: stack.signal })));
  });
  // A stream says nothing before its first update, so there is one.
  await client.chats.createChat({ title: "reliant bench", model: "scripted/bench" }, { signal: stack.signal });
  const opened = await openStreams(stack);
  const heard = await heardAfter(stack);
  const figures: Figure[] = [
    ...spread("request", `a request (list one chat), ${AT_ONCE} at once`, listed),
    ...spread("stream_open", `an update stream until it is open, ${STREAMS} held`, opened),
    ...spread("heard", "a new chat until the update stream tells of it", heard),
  ];
  if (stack.model !== undefined)
    figures.push(...spread("accepted", "message accepted", await accepted(stack, stack.model)));
  return { figures, notes: notesOf(stack) };
}

function notesOf({ model, url }: UserStack): string[] {
  return [
    `${url} by its address: only what a client can measure. Raw parts, memory, processor, daemons, workers and the store are measured with --stack local.`,
    model === undefined
      ? "no message was sent, because an answer may cost money: --model PROVIDER/NAME allows it"
      : `${CHATS} messages were sent to ${model}`,
    "it leaves chats titled `reliant bench` behind",
  ];
}

function spread(id: string, what: string, took: readonly number[]): Figure[] {
  const { p50, p99 } = spreadOf(took);
  return [
    { id: `user.${id}_p50_ms`, what: `${what}, p50`, value: p50, unit: "ms" },
    { id: `user.${id}_p99_ms`, what: `${what}, p99`, value: p99, unit: "ms" },
  ];
}

async function openStreams({ url, token, signal }: UserStack): Promise<number[]> {
  const leave = new AbortController();
  const took: number[] = [];
  const open = async () => {
    const opened = Promise.withResolvers<void>();
    const ends = AbortSignal.any([signal, leave.signal]);
    const request = { afterSequence: 0n, chats: [] };
    const stream = clients(url, token).updates.streamUserUpdates(request, {
      signal: ends,
      onHeader: () => opened.resolve(),
    });
    const read = async () => {
      for await (const _ of stream) opened.resolve();
    };
    read().catch((error: unknown) => opened.reject(error));
    await opened.promise;
  };
  try {
    await driveAll(STREAMS, AT_ONCE, async () => void took.push(await timeOf(open)));
    return took;
  } finally {
    leave.abort();
  }
}

async function heardAfter({ url, token, signal }: UserStack): Promise<number[]> {
  const { chats, updates } = clients(url, token);
  const leave = new AbortController();
  const waiting = new Map<string, () => void>();
  const opened = Promise.withResolvers<void>();
  const stream = updates.streamUserUpdates(
    { afterSequence: 0n, chats: [] },
    {
      signal: AbortSignal.any([signal, leave.signal, AbortSignal.timeout(TRIAL_LIMITS.benchReportMs)]),
      onHeader: () => opened.resolve(),
    },
  );
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  const listen = async () => {
    for await (const { update } of stream) {
      if (update.case !== "user" || update.value.event.case !== "chatChanged") continue;
      waiting.get(update.value.event.value.id)?.();
    }
  };
  listen().catch((error: unknown) => {
    opened.reject(error);
    ended.reject(error);
  });
  try {
    await opened.promise;
    const took: number[] = [];
    for (let done = 0; done < CHATS; done++) {
      const chatId = newId("chat");
      const heard = new Promise<void>((resolve) => waiting.set(chatId, resolve));
      const make = () => chats.createChat({ chatId, title: "reliant bench", model: "scripted/bench" }, { signal });
      took.push(await timeOf(() => Promise.all([make(), Promise.race([heard, ended.promise])])));
    }
    return took;
  } finally {
    leave.abort();
  }
}

async function accepted({ url, token, signal }: UserStack, model: string): Promise<number[]> {
  const { chats } = clients(url, token);
  const took: number[] = [];
  for (let done = 0; done < CHATS; done++) {
    const blocks = [textBlock("Answer with one word: yes.")];
    took.push(await timeOf(() => chats.createChat({ title: "reliant bench", model, blocks }, { signal })));
  }
  return took;
}
