import { messageOf } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import { ENDED_BY_USER, type PartsOutcome } from "./bench.ts";
import type { UserStack } from "./bench-part.ts";
import { driveAll, textBlock } from "./chat-runs.ts";
import { type Figure, spreadOf, timeOf } from "./figures.ts";

const REQUESTS = 200;
const AT_ONCE = 4;
/** Fewer than one user may hold on one replica (`LIMITS.streamsPerUser`): the user's own screens need some as well. */
const STREAMS = 40;
const ONE_CHAT = { pageSize: 1 } as const;
const CHATS = 30;

/**
 * What a client can measure of an installation that is not ours to stop, until the signal. It leaves chats without messages
 * behind, titled as what they are. Rejects with the client's own error where the stack cannot be reached or takes no request.
 */
export async function measureUserStack(stack: UserStack): Promise<PartsOutcome> {
  const { signal, tell } = stack;
  // Not counted: it opens connections, and tells at once where nothing can be measured.
  await clients(stack.url, stack.token).chats.listChats(ONE_CHAT, { signal, timeoutMs: TRIAL_LIMITS.benchAnswerMs });
  const figures: Figure[] = [];
  const notMeasured: { part: string; reason: string }[] = [];
  for (const { name, measure } of measuresOf(stack)) {
    try {
      signal.throwIfAborted();
      tell(`${name}: by ${stack.url}`);
      figures.push(...(await measure()));
    } catch (error) {
      notMeasured.push({ part: name, reason: signal.aborted ? ENDED_BY_USER : messageOf(error) });
    }
  }
  return { reports: [{ figures, notes: notesOf(stack) }], notMeasured };
}

interface Measure {
  readonly name: string;
  measure(): Promise<Figure[]>;
}

function measuresOf(stack: UserStack): Measure[] {
  const { model } = stack;
  const opens = `an update stream until it is open, ${STREAMS} held`;
  const measures: Measure[] = [
    {
      name: "requests",
      measure: async () => spread("request", `a request (list one chat), ${AT_ONCE} at once`, await requests(stack)),
    },
    { name: "update streams", measure: async () => spread("stream_open", opens, await openStreams(stack)) },
    {
      name: "new chats",
      measure: async () => spread("heard", "a new chat until the update stream tells of it", await heardAfter(stack)),
    },
  ];
  if (model !== undefined) {
    const measure = async () => spread("accepted", "message accepted", await accepted(stack, model));
    measures.push({ name: "messages", measure });
  }
  return measures;
}

async function requests({ url, token, signal }: UserStack): Promise<number[]> {
  const { chats } = clients(url, token);
  const took: number[] = [];
  await driveAll(REQUESTS, AT_ONCE, async () => {
    took.push(await timeOf(() => chats.listChats(ONE_CHAT, { signal })));
  });
  return took;
}

function notesOf({ model, url }: UserStack): string[] {
  return [
    `${url} by its address: only what a client can measure. Raw parts, memory, processor, daemons, workers and the store are measured with --stack local.`,
    model === undefined
      ? "no message was sent, because an answer may cost money: --model PROVIDER/NAME allows it"
      : `at most ${CHATS} messages went to ${model}`,
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
  // A stream says nothing before its first update, so there is one.
  await clients(url, token).chats.createChat({ title: "reliant bench", model: "scripted/bench" }, { signal });
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
