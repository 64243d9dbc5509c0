import { create, toJsonString } from "@bufbuild/protobuf";
import { ReliantError, toReliantError } from "../core/errors.ts";
import * as pb from "../gen/reliant/v1/update_pb.ts";

/** `chat=ID:NUMBER`, and `after=NUMBER`: what the query of an event stream names. */
const CURSOR = /^([A-Za-z0-9_-]{1,128})(?::(\d{1,15}))?$/;
const NUMBER = /^(-1|\d{1,15})$/;

/**
 * The request of an event stream: `?after=N` (user updates after N, without it only new ones) and `&chat=ID:N` for each
 * chat. A browser that reconnects sends the last event's id, which is such a query itself and takes its place.
 */
export function streamRequestOf(query: URLSearchParams, lastEventId: string | undefined): pb.StreamUserUpdatesRequest {
  const asked = lastEventId === undefined || lastEventId === "" ? query : new URLSearchParams(lastEventId);
  const unknown = [...asked.keys()].find((name) => name !== "after" && name !== "chat");
  if (unknown !== undefined) {
    throw new ReliantError(
      "invalid_argument",
      `${unknown.slice(0, 40)}: it is not a parameter; there are after and chat`,
    );
  }
  const after = asked.get("after") ?? "-1";
  if (!NUMBER.test(after))
    throw new ReliantError("invalid_argument", `after=${after.slice(0, 40)}: it is not a number`);
  const chats = asked.getAll("chat").map((text) => {
    const [, chatId, sequence] = CURSOR.exec(text) ?? [];
    if (chatId === undefined) {
      throw new ReliantError(
        "invalid_argument",
        `chat=${text.slice(0, 160)}: it must be an id, or an id, a colon and a number`,
      );
    }
    return { chatId, afterSequence: BigInt(sequence ?? "0") };
  });
  return create(pb.StreamUserUpdatesRequestSchema, { afterSequence: BigInt(after), chats });
}

/**
 * The updates as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): each a protobuf
 * JSON of StreamUserUpdatesResponse, named by its kind. `id` is where to go on.
 */
export function eventStream(
  request: pb.StreamUserUpdatesRequest,
  open: (signal: AbortSignal) => AsyncGenerator<pb.StreamUserUpdatesResponse>,
  clientSignal: AbortSignal,
): Response {
  const cancelled = new AbortController();
  const updates = open(AbortSignal.any([clientSignal, cancelled.signal]));
  const position = new StreamPosition(request);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    // The head of an answer goes with its first bytes: a client that waits for it hears at once that it is connected.
    start: (controller) => controller.enqueue(encoder.encode(": open\n\n")),
    async pull(controller) {
      try {
        const next = await updates.next();
        if (next.done === true) controller.close();
        else controller.enqueue(encoder.encode(eventText(next.value, position)));
      } catch (error) {
        const { code, message } = toReliantError(error, "stream updates");
        controller.enqueue(encoder.encode(`event: error\ndata: ${JSON.stringify({ code, message })}\n\n`));
        controller.close();
      }
    },
    async cancel() {
      cancelled.abort();
      await updates.return(undefined);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

function eventText(update: pb.StreamUserUpdatesResponse, position: StreamPosition): string {
  if (update.update.case === "keepAlive" || update.update.case === undefined) return ": alive\n\n";
  position.take(update);
  const data = toJsonString(pb.StreamUserUpdatesResponseSchema, update);
  return `id: ${position.id}\nevent: ${update.update.case}\ndata: ${data}\n\n`;
}

/** Where a client stands in all that it follows. */
class StreamPosition {
  private user: bigint;
  private readonly chats: Map<string, bigint>;

  constructor(request: pb.StreamUserUpdatesRequest) {
    this.user = request.afterSequence;
    this.chats = new Map(request.chats.map((chat) => [chat.chatId, chat.afterSequence]));
  }

  take(update: pb.StreamUserUpdatesResponse): void {
    if (update.update.case === "user") this.user = update.update.value.sequence;
    if (update.update.case === "chat") this.chats.set(update.update.value.chatId, update.update.value.sequence);
  }

  get id(): string {
    const chats = [...this.chats].map(([chatId, sequence]) => `&chat=${chatId}:${sequence}`);
    return `after=${this.user}${chats.join("")}`;
  }
}
