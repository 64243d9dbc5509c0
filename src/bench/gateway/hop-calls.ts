import { newId } from "../../core/ids.ts";
import { ToolExecutionReply_Status as Status } from "../../gen/reliant/v1/tool_pb.ts";
import { daemonSubjects } from "../../routing/subjects.ts";
import { decodeToolReply, encodeToolReply, encodeToolRequest } from "../../routing/tool-message.ts";
import { type CallerOptions, daemonIdOf, userIdOf } from "./part-options.ts";
import { RawNats, type RawNatsEvents, type RawNatsWait } from "./raw-nats.ts";

/** Characters of a call's own subject, at its end; each call's is as long. */
const TOKEN_CHARACTERS = 8;
const TOOL_CALL_ID = "#".repeat(newId("call").length);
const TOKEN = "%".repeat(TOKEN_CHARACTERS);

/** One call, from its request to its outcome; rejects where it failed. */
export interface OpenCalls {
  call(index: number): Promise<void>;
  close(): void;
}

/** What is sent for a call, whole lines of NATS' protocol; its answers come to the subject that ends in the token. */
type RequestOf = (index: number, inbox: string, token: string) => Buffer;

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** Calls over NATS that have an inbox in common, each ended by the answer that says done. */
export class HopCalls {
  private readonly waiting = new Map<string, Waiting>();
  private readonly inbox = `_INBOX.${newId("wrk")}`;
  private begun = 0;

  private constructor(private readonly requestOf: RequestOf) {}

  /** Asks as production's transport asks: a request on the daemon's subject, its acceptance, and the ring that says done. */
  static toDaemons(options: CallerOptions, wait: RawNatsWait): Promise<OpenCalls> {
    const templates = new Map<number, RequestTemplate>();
    return HopCalls.open(options.natsUrl, wait, (index, inbox, token) => {
      const daemon = index % options.daemons;
      const template = templates.get(daemon) ?? new RequestTemplate(daemon, inbox, options.requestBytes);
      templates.set(daemon, template);
      return template.with(newId("call"), token);
    });
  }

  /** Asks whoever echoes on the subject: its first answer is the last. */
  static toEcho(options: CallerOptions, wait: RawNatsWait): Promise<OpenCalls> {
    const done = encodeToolReply("", Status.DONE, "x".repeat(options.requestBytes));
    const subject = options.subject ?? "";
    return HopCalls.open(options.natsUrl, wait, (_, inbox, token) => publication(subject, `${inbox}.${token}`, done));
  }

  private static async open(natsUrl: string, wait: RawNatsWait, requestOf: RequestOf): Promise<OpenCalls> {
    const calls = new HopCalls(requestOf);
    const { inbox } = calls;
    const events: RawNatsEvents = {
      message: (subject, payload, headBytes) => calls.take(subject.slice(inbox.length + 1), payload, headBytes),
      ended: (error) => {
        for (const { reject } of calls.waiting.values()) reject(error);
      },
    };
    const nats = await RawNats.connect(natsUrl, `${inbox}.*`, events, wait);
    return { call: (index) => calls.call(index, nats), close: () => nats.close() };
  }

  private call(index: number, nats: RawNats): Promise<void> {
    return new Promise((resolve, reject) => {
      this.begun += 1;
      const token = this.begun.toString(36).padStart(TOKEN_CHARACTERS, "0");
      this.waiting.set(token, { resolve, reject });
      nats.send(this.requestOf(index, this.inbox, token));
    });
  }

  private take(token: string, payload: Buffer, headBytes: number): void {
    const waiting = this.waiting.get(token);
    if (waiting === undefined) return;
    const reply = decodeToolReply(payload.toString("utf8", headBytes));
    if (reply?.status === Status.ACCEPTED) return;
    this.waiting.delete(token);
    if (reply?.status === Status.DONE) waiting.resolve();
    else waiting.reject(new Error(`the call was answered ${reply?.status ?? payload.toString("utf8", 0, headBytes)}`));
  }
}

function publication(subject: string, replyTo: string, body: string): Buffer {
  return Buffer.from(`PUB ${subject} ${replyTo} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
}

/** Requests to one daemon, made from one that production's own code has encoded: only the call's id and the subject of its answers differ. */
class RequestTemplate {
  private readonly bytes: Buffer;
  private readonly tokenAt: number;
  private readonly idAt: number;

  constructor(daemon: number, inbox: string, requestBytes: number) {
    const address = { userId: userIdOf(daemon), daemonId: daemonIdOf(daemon), epoch: 1 };
    const inputJson = JSON.stringify({ text: "x".repeat(requestBytes) });
    const names = { userId: address.userId, daemonId: address.daemonId, toolName: "read_file" };
    const request = { toolCallId: TOOL_CALL_ID, chatId: "chat_bench", ...names, inputJson };
    const body = encodeToolRequest(address, { ...request, roots: ["/bench"], timeoutMs: 60_000 });
    const { syncRequest } = daemonSubjects(address);
    this.bytes = publication(syncRequest, `${inbox}.${TOKEN}`, body);
    this.tokenAt = this.bytes.indexOf(TOKEN);
    this.idAt = this.bytes.indexOf(TOOL_CALL_ID);
  }

  with(toolCallId: string, token: string): Buffer {
    const bytes = Buffer.from(this.bytes);
    bytes.write(token, this.tokenAt, "latin1");
    bytes.write(toolCallId, this.idAt, "latin1");
    return bytes;
  }
}
