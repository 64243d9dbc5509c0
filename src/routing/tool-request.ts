import { outcomeText } from "../chat/outcome-text.ts";
import { isOutcome, type ToolCall } from "../chat/tool-call.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Daemons } from "../store/daemons.ts";
import type { CallLook, ToolCalls } from "../store/tool-calls.ts";
import type { AwakeTime } from "./awake-time.ts";
import type { CallBell } from "./call-bell.ts";
import type { DaemonAddress } from "./daemon-host.ts";
import type { ToolRequest } from "./daemon-router.ts";
import type { DaemonTransport, SendAnswer } from "./daemon-transport.ts";
import {
  type DeliveryProgress,
  type DeliveryStep,
  type DeliveryTimes,
  isOnline,
  isOverdue,
  nextDeliveryStep,
} from "./delivery-step.ts";

/** All times of a delivery, milliseconds: those of `LIMITS`, or shortened by tests. */
export interface RouterTimes extends DeliveryTimes {
  readonly ledgerPollMs: number;
  readonly reconnectMaxMs: number;
  readonly resendBaseMs: number;
  readonly resendMaxMs: number;
  readonly toolCallSlackMs: number;
}

/** The part of the store that a router uses. */
export interface RouterStore {
  readonly daemons: Pick<Daemons, "find">;
  readonly toolCalls: Pick<
    ToolCalls,
    "get" | "look" | "dispatch" | "postpone" | "endBeforeRunning" | "markUnreachable"
  >;
}

export interface DeliveryDeps {
  readonly store: RouterStore;
  readonly transport: DaemonTransport;
  readonly clock: Clock;
  readonly times: RouterTimes;
  readonly awake: AwakeTime;
}

/** How far a delivery goes: until a gateway has accepted the call, or until the ledger has its outcome. */
export type DeliveryGoal = "accepted" | "outcome";

interface Look extends CallLook {
  readonly reachable: boolean;
}

/**
 * Delivers one tool call: looks at the store, takes the next step, waits for a ring or the next poll, again. Whoever
 * takes over a call does the same with the same id. Answers the ledger's row. Throws `not_found` for a call that is
 * not the user's, what the store throws, and the signal's reason.
 */
export async function deliverToolCall(
  deps: DeliveryDeps,
  request: ToolRequest,
  goal: DeliveryGoal,
  bell: CallBell,
  signal: AbortSignal,
): Promise<ToolCall> {
  let progress: DeliveryProgress = { startedAtMs: deps.clock.now(), reached: false, seenOnline: false, away: false };
  for (let misses = 0; ; ) {
    const stored = await lookAt(deps, request, signal);
    if (!deps.transport.canCarry) progress = awayAt(deps, stored, progress);
    const look = progress.away ? { ...stored, call: await withItsTime(deps, stored.call) } : stored;
    if (look.cancelRequested && look.call.state === "running") await passCancelOn(deps, look, request.userId, signal);
    const awakeNowMs = deps.awake.nowMs(look.call);
    const step = nextDeliveryStep({ ...look, nowMs: deps.clock.now(), awakeNowMs, progress }, deps.times);
    switch (step.kind) {
      case "done":
        return look.call;
      case "offline":
        if (await carries(deps, signal)) {
          await endCall(deps, request.toolCallId, { kind: "end", outcome: "failed", reason: step.reason });
          continue;
        }
        progress = awayAt(deps, look, progress);
        misses++;
        break;
      case "end":
      case "unreachable":
        await endCall(deps, request.toolCallId, step);
        continue;
      case "wait":
        // Nothing is sent that could tell.
        if (progress.away && (await carries(deps, signal))) progress = { ...progress, away: false };
        misses = progress.reached && !isMoving(look, progress) ? 0 : misses + 1;
        break;
      case "send": {
        const address = { userId: request.userId, daemonId: look.daemonId, epoch: step.epoch };
        const answer = await send(deps, address, look.call, request, goal, signal);
        if (answer.kind === "invalid") {
          const reason = `its request was refused: ${answer.message}`;
          await endCall(deps, request.toolCallId, { kind: "end", outcome: "failed", reason });
        }
        progress = { ...noted(progress, step.epoch, answer, deps.clock.now()), seenOnline: true };
        misses = answer.kind === "accepted" || answer.kind === "busy" ? 0 : misses + 1;
        break;
      }
      default:
        return unreachable(step);
    }
    if (goal === "accepted" && (progress.acceptedEpoch !== undefined || look.call.state === "running"))
      return look.call;
    const news = await bell.wait(pauseMs(deps.times, misses), deps.clock, signal);
    if (news === "done") {
      const call = await deps.store.toolCalls.get(request.toolCallId);
      if (isOutcome(call.state)) return call;
    }
    if (news === "refused") {
      const { acceptedEpoch: _, ...rest } = progress;
      progress = rest;
      await bell.wait(deps.times.ledgerPollMs, deps.clock, signal);
    }
  }
}

/** What the store says now, read at once; and, for a call that is long overdue, whether anybody answers for its daemon, if anybody could. */
async function lookAt(deps: DeliveryDeps, request: ToolRequest, signal: AbortSignal): Promise<Look> {
  signal.throwIfAborted();
  const { toolCallId, userId } = request;
  const look = await deps.store.toolCalls.look({ toolCallId, userId, daemonId: request.daemonId });
  const { call, daemonId, daemon } = look;
  const overdue = isOverdue({ call, awakeNowMs: deps.awake.nowMs(call) }, deps.times);
  const reachable =
    !overdue || daemon === undefined || !deps.transport.canCarry
      ? true
      : await deps.transport.isOnline({ userId, daemonId, epoch: daemon.epoch }, signal);
  return { ...look, reachable };
}

/**
 * Nobody can tell now whether its machine is there: it could be asked for at once, were the way free again. One that is not
 * connected may have been kept from coming, and comes when its wait before the next attempt is over.
 */
function awayAt({ clock, times }: DeliveryDeps, { daemon }: Look, progress: DeliveryProgress): DeliveryProgress {
  const nowMs = clock.now();
  const online = daemon !== undefined && isOnline(daemon, nowMs, times.onlineMs);
  return { ...progress, away: true, startedAtMs: online ? nowMs : nowMs + times.reconnectMaxMs, seenOnline: true };
}

/**
 * The call, and where it is dispatched, time enough to run: what it waits for a way to its daemon is not its own time. It is
 * written when half of the slack is used up, and not with each look.
 */
async function withItsTime({ store, clock, times }: DeliveryDeps, call: ToolCall): Promise<ToolCall> {
  const { state, timeoutMs, deadlineAtMs } = call;
  if (state !== "dispatched" || timeoutMs === undefined || deadlineAtMs === undefined) return call;
  const wholeMs = timeoutMs + times.toolCallSlackMs;
  const nowMs = clock.now();
  if (deadlineAtMs - nowMs >= wholeMs - times.toolCallSlackMs / 2) return call;
  const later = { toolCallId: call.id, deadlineAtMs: nowMs + wholeMs };
  await store.toolCalls.postpone(later);
  return { ...call, deadlineAtMs: later.deadlineAtMs };
}

/** False where what carries the requests does not answer, though its connection stands. */
async function carries({ transport }: DeliveryDeps, signal: AbortSignal): Promise<boolean> {
  const answers = await transport.check(signal).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  return answers;
}

/** True while the daemon is between two gateways: it has another epoch than the one that accepted the call, and is not there yet. */
function isMoving({ daemon }: Look, { acceptedEpoch }: DeliveryProgress): boolean {
  return daemon !== undefined && acceptedEpoch !== undefined && daemon.epoch !== acceptedEpoch;
}

async function passCancelOn(deps: DeliveryDeps, look: Look, userId: string, signal: AbortSignal): Promise<void> {
  const { daemon, call } = look;
  if (daemon === undefined || call.daemonId === undefined) return;
  await deps.transport.cancel({ userId, daemonId: daemon.id, epoch: daemon.epoch }, call.id, false, signal);
}

async function endCall(
  deps: DeliveryDeps,
  toolCallId: string,
  step: Extract<DeliveryStep, { kind: "end" | "unreachable" }>,
): Promise<void> {
  const { toolCalls } = deps.store;
  if (step.kind === "unreachable") await toolCalls.markUnreachable(toolCallId, outcomeText("unknown", step.reason));
  else await toolCalls.endBeforeRunning({ toolCallId, outcome: step.outcome, reason: step.reason });
}

async function send(
  deps: DeliveryDeps,
  address: DaemonAddress,
  call: ToolCall,
  request: ToolRequest,
  goal: DeliveryGoal,
  signal: AbortSignal,
): Promise<SendAnswer> {
  // It waits, and none of its time is used up.
  if (!deps.transport.canCarry) return { kind: "away" };
  if (Buffer.byteLength(request.inputJson) > LIMITS.toolInputBytes) {
    return { kind: "invalid", message: `its input is larger than ${LIMITS.toolInputBytes} bytes` };
  }
  const dispatched =
    call.state === "requested"
      ? await deps.store.toolCalls.dispatch({
          toolCallId: call.id,
          daemonId: address.daemonId,
          timeoutMs: request.timeoutMs,
          deadlineAtMs: deps.clock.now() + request.timeoutMs + deps.times.toolCallSlackMs,
        })
      : call;
  // Somebody was first: the next look tells what to do.
  if (isOutcome(dispatched.state) || dispatched.daemonId !== address.daemonId) return { kind: "not_here" };
  const { timeoutMs = request.timeoutMs } = dispatched;
  const sent = { ...request, daemonId: address.daemonId, timeoutMs };
  return deps.transport.send(address, sent, goal === "outcome", signal);
}

function noted(
  progress: DeliveryProgress,
  epoch: number,
  answer: Awaited<ReturnType<typeof send>>,
  nowMs: number,
): DeliveryProgress {
  switch (answer.kind) {
    case "accepted":
      return { ...progress, reached: true, acceptedEpoch: epoch, away: false };
    case "busy":
      return { ...progress, reached: true, away: false };
    case "away":
      // The time in which a gateway must have accepted it begins when one can be asked.
      return { ...progress, startedAtMs: nowMs, away: true };
    default:
      return { ...progress, away: false };
  }
}

/** Until the next look: the slow poll where somebody holds the call, is busy or is away; soon where nobody took it. */
function pauseMs(times: RouterTimes, misses: number): number {
  if (misses === 0) return times.ledgerPollMs;
  return backoffMs(misses - 1, { baseMs: times.resendBaseMs, maxMs: times.resendMaxMs });
}
