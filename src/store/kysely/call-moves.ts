import { Batches } from "../../core/batches.ts";
import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CallMover } from "./call-movers.ts";
import type { PlannedMove } from "./calls-together.ts";
import type { Move, Moved } from "./ledger.ts";
import { plannedStep } from "./ledger-postgres.ts";

/**
 * Events of tool calls on their way into the ledger: those together that come at the same time, one that comes for itself
 * alone. What does not meet its call free and in the state that it is made for is done alone as well, and so is each of a
 * batch that failed.
 */
export class CallMoves<Row> {
  private readonly batches: Batches<PlannedMove, Moved<Row>> | undefined;

  /** `act`: for messages. */
  constructor(
    act: string,
    clock: Clock,
    private readonly mover: CallMover<Row>,
  ) {
    const { together } = mover;
    if (together === undefined) return;
    this.batches = new Batches({
      ...{ act, maxItems: LIMITS.callsTogether, maxWaiting: LIMITS.databaseWaiting },
      ...{ maxAlone: LIMITS.storeBatchAlone, maxAside: LIMITS.callsAside, maxSingles: 1 },
      slow: {
        ...{ afterMs: LIMITS.callsTogetherSlowMs, maxUnderWay: LIMITS.callBatchesUnderWay },
        nowMs: () => clock.now(),
      },
      keyOf: ({ move }) => move.toolCallId,
      together: (moves) => together.move(moves),
      togetherBehind: (chatId, moves) => together.moveBehind(chatId, moves),
      alone: ({ move }) => mover.alone(move),
    });
  }

  do(move: Move): Promise<Moved<Row>> {
    if (this.batches === undefined || isLarge(move)) return this.mover.alone(move);
    const planned = plannedStep(move);
    return planned === undefined ? this.mover.alone(move) : this.batches.do({ move, planned });
  }
}

function isLarge({ result }: Move): boolean {
  return result !== undefined && (result.images !== undefined || result.text.length > LIMITS.callTogetherChars);
}
