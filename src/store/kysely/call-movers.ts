import type { HeldUp } from "../../core/batches.ts";
import {
  DAEMON_MOVES,
  DISPATCHES,
  moveBehindChat,
  moveTogether,
  type PlannedMove,
  type TogetherStatement,
} from "./calls-together.ts";
import type { Database } from "./database.ts";
import { type Looked, type Move, type Moved, moveToolCall } from "./ledger.ts";
import { type MoveAtOnce, moveSlimAtOnce, moveWholeAtOnce } from "./ledger-postgres.ts";
import type { ToolCallRow } from "./tool-call-rows.ts";

/** What a gateway asks of a call that it has moved: its answer to the daemon goes by that. */
export type StateRow = Pick<ToolCallRow, "state">;

/** Who writes the events of one kind into the ledger. */
export interface CallMover<Row> {
  alone(move: Move): Promise<Moved<Row>>;
  /** Undefined: there is nothing to gain by it. */
  readonly together?: MovesTogether<Row>;
}

/** Many moves at once: results in their order, `HeldUp` for what is to be done alone. */
export interface MovesTogether<Row> {
  move(moves: readonly PlannedMove[]): Promise<readonly (Looked<Row> | HeldUp)[]>;
  /** The same for those that one chat holds up: it waits for that, and for nothing else. */
  moveBehind(chatId: string, moves: readonly PlannedMove[]): Promise<readonly (Looked<Row> | HeldUp)[]>;
}

export interface CallMovers {
  /** What daemons say of their calls. */
  readonly daemons: CallMover<StateRow>;
  /** requested → dispatched. */
  readonly dispatches: CallMover<ToolCallRow>;
  /** All else: each alone. */
  readonly others: CallMover<ToolCallRow>;
}

/** Several go together in Postgres only: SQLite has one writer, and needs no round trips. */
export function callMovers(database: Database): CallMovers {
  const isPostgres = database.driver === "postgres";
  const whole = (move: Move) => moveAlone<ToolCallRow>(database, isPostgres ? moveWholeAtOnce : undefined, move);
  const slim = (move: Move) => moveAlone<StateRow>(database, isPostgres ? moveSlimAtOnce : undefined, move);
  if (!isPostgres) return { daemons: { alone: slim }, dispatches: { alone: whole }, others: { alone: whole } };
  return {
    daemons: { alone: slim, together: movesTogether(database, DAEMON_MOVES) },
    dispatches: { alone: whole, together: movesTogether(database, DISPATCHES) },
    others: { alone: whole },
  };
}

async function moveAlone<Row>(
  database: Database,
  atOnce: MoveAtOnce<Row> | undefined,
  move: Move,
): Promise<Moved<Row | ToolCallRow>> {
  const act = actOf(move);
  const moved = atOnce && (await database.single(act, (db, announce) => atOnce(db, announce, move)));
  return moved ?? database.write(act, (write) => moveToolCall(write, move));
}

function movesTogether<Row>(database: Database, statement: TogetherStatement<Row>): MovesTogether<Row> {
  const act = "move tool calls";
  return {
    move: (moves) => database.single(act, (db, announce) => moveTogether(db, announce, statement, moves)),
    moveBehind: (chatId, moves) => database.write(act, (write) => moveBehindChat(write, chatId, statement, moves)),
  };
}

/** For messages. */
function actOf({ event, fence }: Move): string {
  switch (event.kind) {
    case "dispatch":
      return "dispatch tool call";
    case "start_here":
      return "start tool call";
    case "ready":
      return "grant tool call";
    case "result":
      return fence === undefined ? "finish tool call" : "store tool result";
    case "end_before_running":
      return "end tool call";
    case "unreachable":
      return "give up tool call";
  }
}
