import type { JsonValue } from "../../src/chat/json.ts";
import { jsonOrText } from "../../src/models/json-border.ts";

/** A request that the server got. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: Headers;
  readonly body: JsonValue;
  /** Resolves when the client has gone before the answer's end. */
  readonly aborted: Promise<void>;
}

export type Answer =
  /** Pieces are sent as they are, one after the other. `open`: the answer does not end. */
  | { readonly kind: "stream"; readonly pieces: readonly string[]; readonly open?: boolean }
  | {
      readonly kind: "error";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body: JsonValue | string;
    };

/** A local HTTP server in a provider's place: gives the answers that it is told, in order, and keeps what it was sent. */
export class ModelServer implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  private readonly answers: Answer[] = [];
  private readonly server: Bun.Server<undefined>;

  constructor() {
    this.server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request) => this.answer(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  willAnswer(...answers: readonly Answer[]): void {
    this.answers.push(...answers);
  }

  request(index: number): ReceivedRequest {
    const request = this.requests[index];
    if (request === undefined) throw new Error(`request ${index} was not made, only ${this.requests.length} were`);
    return request;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop(true);
  }

  private async answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const aborted = Promise.withResolvers<void>();
    request.signal.addEventListener("abort", () => aborted.resolve());
    const body = jsonOrText(await request.text());
    this.requests.push({ path: pathname + search, headers: request.headers, body, aborted: aborted.promise });
    const answer = this.answers.shift();
    if (answer === undefined) return new Response("no answer was prepared", { status: 500 });
    if (answer.kind === "error") {
      const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
      return new Response(text, {
        status: answer.status,
        headers: { "content-type": "application/json", ...answer.headers },
      });
    }
    return new Response(streamOf(answer.pieces, answer.open === true, aborted), {
      headers: { "content-type": "text/event-stream" },
    });
  }
}

function streamOf(pieces: readonly string[], open: boolean, aborted: PromiseWithResolvers<void>) {
  const queue = pieces.map((piece) => new TextEncoder().encode(piece));
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = queue.shift();
      if (piece !== undefined) {
        controller.enqueue(piece);
        return;
      }
      if (open) await aborted.promise;
      controller.close();
    },
    cancel() {
      aborted.resolve();
    },
  });
}

/** Server-sent events, in pieces that do not end where events end. */
export function inPieces(text: string, pieceLength = 61): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; from += pieceLength) pieces.push(text.slice(from, from + pieceLength));
  return pieces;
}

/** `data:` lines, as OpenAI and Google send them. */
export function dataEvents(...events: readonly JsonValue[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}

/** Events with their type as the event's name, as Anthropic and OpenAI's Responses API send them. */
export function namedEvents(
  ...events: readonly { readonly type: string; readonly [key: string]: JsonValue }[]
): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}
