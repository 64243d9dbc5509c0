import { HeldUp } from "../../src/core/batches.ts";
import { type CallMover, callMovers, type MovesTogether } from "../../src/store/kysely/call-movers.ts";
import type { PlannedMove } from "../../src/store/kysely/calls-together.ts";
import type { Database, Write } from "../../src/store/kysely/database.ts";
import { KyselyToolCalls } from "../../src/store/kysely/kysely-tool-calls.ts";
import { type Looked, type Move, moveToolCall } from "../../src/store/kysely/ledger.ts";
import type { ToolCallRow } from "../../src/store/kysely/tool-call-rows.ts";
import { type CallClaim, claims } from "./claims.ts";
import type { Faults } from "./faults.ts";

/**
 * The ledger as Postgres has it: production's batches of moves over a statement of the simulation, which passes over
 * the same ones. A batch is one transaction: it fails as a whole, and its commit may stand though nobody learns of it.
 */
export function batchedCalls(database: Database, faults: Faults): KyselyToolCalls {
  const { daemons, dispatches, others } = callMovers(database);
  return new KyselyToolCalls(database, {
    daemons: { alone: claimed(daemons), together: together(database, faults, ({ state }) => ({ state })) },
    dispatches: { alone: claimed(dispatches), together: together(database, faults, (row) => row) },
    others,
  });
}

/** Done by whoever has its turn, also for others: each with its own right. */
function claimed<Row>({ alone }: CallMover<Row>): CallMover<Row>["alone"] {
  return (move) => claims.run(claimOf(move), () => alone(move));
}

function together<Row>(database: Database, faults: Faults, rowOf: (row: ToolCallRow) => Row): MovesTogether<Row> {
  const move = (moves: readonly PlannedMove[]) =>
    claims.run({ kind: "calls", calls: moves.map((each) => claimOf(each.move)) }, () =>
      database.write("move tool calls", async (write) => {
        const results: (Looked<Row> | HeldUp)[] = [];
        for (const each of moves) results.push(await moveFree(write, each, faults, rowOf));
        return results;
      }),
    );
  return { move, moveBehind: (_, moves) => move(moves) };
}

async function moveFree<Row>(
  write: Write,
  { move, planned: { expected } }: PlannedMove,
  faults: Faults,
  rowOf: (row: ToolCallRow) => Row,
): Promise<Looked<Row> | HeldUp> {
  const { fence, toolCallId } = move;
  const call = await write.db.selectFrom("tool_calls").selectAll().where("id", "=", toolCallId).executeTakeFirst();
  const fits = call?.state === expected.state && (call.journal_id ?? undefined) === expected.journalId;
  if (!fits || (fence !== undefined && fence.daemonId !== call.daemon_id)) return new HeldUp();
  if (faults.hits("store: row held by another transaction")) return new HeldUp();
  if (faults.hits("store: row held by another transaction")) return new HeldUp(call.chat_id);
  const moved = await moveToolCall(write, move);
  return moved.kind === "looked" ? { ...moved, row: rowOf(moved.row) } : new HeldUp();
}

function claimOf({ toolCallId, event, fence }: Move): CallClaim {
  return { kind: "call", toolCallId, event, ...(fence === undefined ? {} : { fence }) };
}
