import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import type { Clock } from "../core/clock.ts";
import { ERROR_TABLE, type ErrorCode, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { within } from "../core/within.ts";
import {
  type DaemonCommandReply,
  DaemonCommandReplySchema,
  DaemonCommandRequestSchema,
  ToolExecutionReply_Status,
} from "../gen/reliant/v1/tool_pb.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { NatsPeer } from "../nats/nats-peer.ts";
import type { DaemonAddress } from "./daemon-host.ts";
import type { DaemonCommand, ToolRequest } from "./daemon-router.ts";
import type { CallNews, DaemonTransport, SendAnswer } from "./daemon-transport.ts";
import { type InboxAnswer, NatsInbox } from "./nats-inbox.ts";
import { daemonSubjects } from "./subjects.ts";
import { decodeToolReply, encodeToolRequest } from "./tool-message.ts";

type CommandInit = NonNullable<MessageInitShape<typeof DaemonCommandRequestSchema>["command"]>;

/** Requests over NATS, each on the subject of the daemon's epoch. */
export class NatsDaemonTransport implements DaemonTransport {
  private readonly inbox: NatsInbox;
  private readonly listeners = new Set<(toolCallId: string, news: CallNews) => void>();

  constructor(
    private readonly link: NatsLink<NatsPeer>,
    private readonly clock: Clock,
    private readonly acceptedMs: number = LIMITS.acceptedMs,
  ) {
    this.inbox = new NatsInbox(link, clock, (body) => this.takeNews(body));
  }

  get canCarry(): boolean {
    return this.link.isConnected;
  }

  async send(
    address: DaemonAddress,
    request: ToolRequest,
    wantsNews: boolean,
    signal: AbortSignal,
  ): Promise<SendAnswer> {
    const subjects = daemonSubjects(address);
    const subject = wantsNews ? subjects.syncRequest : subjects.request;
    const body = encodeToolRequest(address, request);
    const answer = await this.inbox.ask(subject, body, request.traceparent, this.acceptedMs, signal);
    if (answer.kind === "reply") return this.sendAnswer(answer.body);
    if (answer.kind === "no_answer" && !(await this.natsAnswers(signal))) return { kind: "away" };
    return answer;
  }

  /** False where the server takes and says nothing, though the connection to it stands yet. */
  private async natsAnswers(signal: AbortSignal): Promise<boolean> {
    const bound = { ms: LIMITS.natsProbeMs, act: "reach NATS", clock: this.clock, signal };
    const answers = await within(this.link.flush(signal), bound).then(
      () => true,
      () => false,
    );
    signal.throwIfAborted();
    return answers;
  }

  onNews(listener: (toolCallId: string, news: CallNews) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async cancel(address: DaemonAddress, toolCallId: string, kill: boolean, signal: AbortSignal): Promise<boolean> {
    const command: CommandInit = { case: kill ? "killProcess" : "cancel", value: { toolCallId } };
    return (await this.askCommand(address, command, this.acceptedMs, signal))?.ok ?? false;
  }

  async isOnline(address: DaemonAddress, signal: AbortSignal): Promise<boolean> {
    const reply = await this.askCommand(address, { case: "online", value: {} }, this.acceptedMs, signal);
    return reply?.ok ?? false;
  }

  async command(address: DaemonAddress, command: DaemonCommand, signal: AbortSignal): Promise<void> {
    const act = `send ${command.kind} to daemon ${address.daemonId}`;
    const reply = await this.askCommand(address, { case: "loadConfig", value: {} }, LIMITS.commandMs, signal);
    if (reply === undefined) throw new ReliantError("daemon_offline", `${act}: no gateway answers for it`);
    if (!reply.ok) throw new ReliantError(errorCode(reply.errorCode), `${act}: ${reply.message}`);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.link.check(signal);
  }

  async close(): Promise<void> {
    this.inbox.close();
  }

  /** Undefined: nobody answered, or not in words that we know. */
  private async askCommand(
    address: DaemonAddress,
    command: CommandInit,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<DaemonCommandReply | undefined> {
    const message = create(DaemonCommandRequestSchema, { command });
    const body = toJsonString(DaemonCommandRequestSchema, message);
    return decodeReply(await this.inbox.ask(daemonSubjects(address).command, body, undefined, timeoutMs, signal));
  }

  private sendAnswer(body: string): SendAnswer {
    const reply = decodeToolReply(body);
    switch (reply?.status) {
      case ToolExecutionReply_Status.ACCEPTED:
        return { kind: "accepted" };
      case ToolExecutionReply_Status.DONE:
        this.tell(reply.toolCallId, "done");
        return { kind: "accepted" };
      case ToolExecutionReply_Status.NOT_HERE:
        return { kind: "not_here" };
      case ToolExecutionReply_Status.BUSY:
        return { kind: "busy" };
      case ToolExecutionReply_Status.INVALID:
        return { kind: "invalid", message: reply.message };
      default:
        return { kind: "no_answer" };
    }
  }

  /** A second reply to a request that was accepted, or a first one that came too late. */
  private takeNews(body: string): void {
    const reply = decodeToolReply(body);
    if (reply?.status === ToolExecutionReply_Status.DONE) this.tell(reply.toolCallId, "done");
    if (reply?.status === ToolExecutionReply_Status.BUSY) this.tell(reply.toolCallId, "refused");
  }

  private tell(toolCallId: string, news: CallNews): void {
    for (const listener of this.listeners) listener(toolCallId, news);
  }
}

function decodeReply(answer: InboxAnswer): DaemonCommandReply | undefined {
  if (answer.kind !== "reply") return undefined;
  try {
    return fromJsonString(DaemonCommandReplySchema, answer.body, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}

function errorCode(text: string): ErrorCode {
  return isErrorCode(text) ? text : "failed_precondition";
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text);
}
