import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError, toReliantError, unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import {
  DaemonCommandReplySchema,
  type DaemonCommandRequest,
  DaemonCommandRequestSchema,
  ToolExecutionReply_Status as Status,
} from "../gen/reliant/v1/tool_pb.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { NatsMessage, NatsPeer, NatsSubscription } from "../nats/nats-peer.ts";
import type { ToolCalls } from "../store/tool-calls.ts";
import type { DaemonAddress, DaemonHost, OfferAnswer } from "./daemon-host.ts";
import type { ToolRequest } from "./daemon-router.ts";
import { LateAnswers } from "./late-answers.ts";
import type { MessageCheck } from "./message-check.ts";
import { RingBook } from "./ring-book.ts";
import { type DaemonSubjects, daemonSubjects } from "./subjects.ts";
import { decodeToolRequest, encodeToolReply } from "./tool-message.ts";

export interface NATSToolBridgeDeps {
  readonly link: NatsLink<NatsPeer>;
  readonly host: DaemonHost;
  readonly toolCalls: Pick<ToolCalls, "find">;
  readonly check: MessageCheck;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is answered now; undefined: nothing, the answer comes later. */
type Reply = string | undefined;

const STATUS: Readonly<Record<OfferAnswer, Status>> = {
  accepted: Status.ACCEPTED,
  not_here: Status.NOT_HERE,
  busy: Status.BUSY,
};

/**
 * Stands between NATS and the host of this process: listens to the subjects of each daemon that the host holds, for as
 * long as it holds that epoch, and rings whoever asked synchronously when the host knows the outcome. Such a one is told
 * `accepted` only where the outcome does not come soon: most calls take one answer, and wake whoever waits once.
 */
export class NATSToolBridge {
  private readonly subscriptions = new Map<string, readonly NatsSubscription[]>();
  private readonly rings = new RingBook(LIMITS.ringsHeld);
  private readonly accepting: LateAnswers;
  private readonly stops: (() => void)[] = [];

  constructor(private readonly deps: NATSToolBridgeDeps) {
    this.accepting = new LateAnswers(deps.clock, { delayMs: LIMITS.acceptDelayMs, most: LIMITS.ringsHeld });
  }

  start(): void {
    const { host } = this.deps;
    this.stops.push(
      host.onDaemon({ begins: (address) => this.begin(address), ended: (address) => this.end(address) }),
      host.onOutcome((_, toolCallId) => this.ring(toolCallId, Status.DONE)),
      host.onRefused((_, toolCallId) => this.ring(toolCallId, Status.BUSY)),
      // Whoever waits looks, and finds the epoch moved.
      host.onLeft((_, toolCallId) => this.ring(toolCallId, Status.DONE)),
    );
  }

  /** Ends the subscriptions; the connection stays its owner's. */
  close(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.accepting.stop();
    for (const subscriptions of this.subscriptions.values()) {
      for (const subscription of subscriptions) subscription.unsubscribe();
    }
    this.subscriptions.clear();
  }

  /** Resolves when the server knows of the subscriptions: only then may the daemon count as connected. */
  private async begin(address: DaemonAddress): Promise<void> {
    const subjects = daemonSubjects(address);
    this.subscriptions.set(subjects.request, this.subscribe(address, subjects));
    try {
      await this.deps.link.flush();
    } catch (error) {
      this.end(address);
      throw error;
    }
  }

  private subscribe(address: DaemonAddress, subjects: DaemonSubjects): readonly NatsSubscription[] {
    const { connection } = this.deps.link;
    const on = (subject: string, take: (message: NatsMessage) => Promise<Reply> | Reply) =>
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) this.answer(message, take);
          else this.deps.log.warn("NATS subscription failed", { daemonId: address.daemonId, cause: messageOf(error) });
        },
      });
    return [
      on(subjects.request, (message) => this.takeRequest(address, message, false)),
      on(subjects.syncRequest, (message) => this.takeRequest(address, message, true)),
      on(subjects.command, (message) => this.takeCommand(address, message)),
    ];
  }

  private end(address: DaemonAddress): void {
    const key = daemonSubjects(address).request;
    // Drained: a request that is on its way is answered "not here" at once, and goes to the next gateway.
    for (const subscription of this.subscriptions.get(key) ?? []) {
      subscription.drain().catch(() => subscription.unsubscribe());
    }
    this.subscriptions.delete(key);
  }

  private answer(message: NatsMessage, take: (message: NatsMessage) => Promise<Reply> | Reply): void {
    const respond = (reply: Reply) => {
      if (reply !== undefined) message.respond(reply);
    };
    try {
      const reply = take(message);
      if (reply instanceof Promise) void reply.then(respond).catch((error) => this.dropped(message, error));
      else respond(reply);
    } catch (error) {
      this.dropped(message, error);
    }
  }

  /** Not answered: whoever asked sends it again. */
  private dropped(message: NatsMessage, error: unknown): void {
    this.deps.log.warn("a request was not answered", { subject: message.subject, cause: messageOf(error) });
  }

  private takeRequest(address: DaemonAddress, message: NatsMessage, sync: boolean): Promise<Reply> | Reply {
    try {
      const decoded = decodeToolRequest(message.string(), address, this.deps.check);
      const traceparent = message.headers?.get("traceparent") ?? "";
      const request = traceparent === "" ? decoded.request : { ...decoded.request, traceparent };
      if (!decoded.byReference) return this.offer(address, request, sync, message.reply);
      return this.resolve(request).then((whole) => this.offer(address, whole, sync, message.reply));
    } catch (error) {
      if (!(error instanceof ReliantError && error.code === "invalid_argument")) throw error;
      this.deps.log.warn("a tool request was refused", { subject: message.subject, cause: error.message });
      return encodeToolReply("", Status.INVALID, error.message);
    }
  }

  /** The input of a request that was too large for its body. */
  private async resolve(request: ToolRequest): Promise<ToolRequest> {
    const call = await this.deps.toolCalls.find(request.toolCallId);
    if (call === undefined || call.userId !== request.userId) {
      throw new ReliantError(
        "not_found",
        `read the input of tool call ${request.toolCallId}: the user has no such call`,
      );
    }
    return { ...request, inputJson: JSON.stringify(call.input) };
  }

  private offer(address: DaemonAddress, request: ToolRequest, sync: boolean, replyTo: string | undefined): Reply {
    const { toolCallId } = request;
    const ringsFor = sync && replyTo !== undefined && replyTo !== "" ? replyTo : undefined;
    // Noted first: a host may know the outcome before `offer` returns.
    if (ringsFor !== undefined) this.rings.note(toolCallId, ringsFor);
    const answer = this.deps.host.offer(address, request);
    const reply = encodeToolReply(toolCallId, STATUS[answer]);
    if (answer !== "accepted") {
      this.rings.forget(toolCallId, replyTo);
      return reply;
    }
    if (ringsFor === undefined) return reply;
    // Rung already.
    if (!this.rings.has(toolCallId, ringsFor)) return undefined;
    return this.accepting.hold(ringsFor, () => this.tell(ringsFor, reply)) ? undefined : reply;
  }

  private ring(toolCallId: string, status: Status): void {
    for (const replyTo of this.rings.take(toolCallId)) {
      this.accepting.drop(replyTo);
      this.tell(replyTo, encodeToolReply(toolCallId, status));
    }
  }

  private tell(replyTo: string, body: string): void {
    const { connection } = this.deps.link;
    try {
      if (!connection.isClosed()) connection.publish(replyTo, body);
    } catch (error) {
      // Drained or closed meanwhile: whoever waits asks again, or finds the outcome by its poll.
      this.deps.log.warn("an answer was not sent", { cause: messageOf(error) });
    }
  }

  private takeCommand(address: DaemonAddress, message: NatsMessage): Promise<string> | string {
    const request = this.readCommand(message);
    if (typeof request === "string") return commandReply("", new ReliantError("invalid_argument", request));
    const { host } = this.deps;
    const { command, commandId } = request;
    switch (command.case) {
      case "cancel":
        return commandReply(commandId, notHereUnless(host.cancel(address, command.value.toolCallId, false)));
      case "killProcess":
        return commandReply(commandId, notHereUnless(host.cancel(address, command.value.toolCallId, true)));
      case "online":
        return commandReply(commandId, notHereUnless(host.isOnline(address)));
      case "loadConfig":
        return this.loadConfig(address).then(
          () => commandReply(commandId, undefined),
          (error) => commandReply(commandId, toReliantError(error, "load the daemon's configuration")),
        );
      case undefined:
        return commandReply(commandId, new ReliantError("invalid_argument", "the command is none that is known here"));
      default:
        return unreachable(command);
    }
  }

  private async loadConfig(address: DaemonAddress): Promise<void> {
    const bound = new AbortController();
    const disarm = this.deps.clock.after(LIMITS.commandMs, () =>
      bound.abort(new ReliantError("deadline_exceeded", `no answer within ${LIMITS.commandMs} ms`)),
    );
    await this.deps.host.command(address, { kind: "load_config" }, bound.signal).finally(disarm);
  }

  /** The command, or what is wrong with it. */
  private readCommand(message: NatsMessage): DaemonCommandRequest | string {
    try {
      const request = fromJsonString(DaemonCommandRequestSchema, message.string(), { ignoreUnknownFields: true });
      return this.deps.check(DaemonCommandRequestSchema, request) ?? request;
    } catch (error) {
      return messageOf(error);
    }
  }
}

function notHereUnless(done: boolean): ReliantError | undefined {
  return done ? undefined : new ReliantError("daemon_offline", "the daemon is not connected here");
}

function commandReply(commandId: string, error: ReliantError | undefined): string {
  const reply =
    error === undefined
      ? { commandId, ok: true }
      : { commandId, ok: false, message: error.message, errorCode: error.code };
  return toJsonString(DaemonCommandReplySchema, create(DaemonCommandReplySchema, reply));
}
