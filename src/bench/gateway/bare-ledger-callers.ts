import { fromJsonString } from "@bufbuild/protobuf";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { ToolExecutionReply_Status as Status, ToolExecutionReplySchema } from "../../gen/reliant/v1/tool_pb.ts";
import { daemonSubjects } from "../../routing/subjects.ts";
import { encodeToolRequest } from "../../routing/tool-message.ts";
import { LedgerClients } from "../raw-ledger-clients.ts";
import { openBareNats } from "../raw-nats-connection.ts";
import { driveRuns, requestOf, TIMEOUT_MS } from "./ledger-callers.ts";
import { BARE_LEDGER_CALLERS, type RequestedCall } from "./ledger-options.ts";

/**
 * Asks for calls of the bare chain: the worker's recorded statements, one request of the NATS library between them with
 * production's body, and nothing that would be done if something went wrong. Says each run's facts.
 */
export async function runBareLedgerCallers(given: unknown, say: (word: string, value: unknown) => void): Promise<void> {
  const { natsUrl, databaseUrl, userId, runs, statements } = BARE_LEDGER_CALLERS.parse(given);
  const nats = await openBareNats(natsUrl);
  const ledger = new LedgerClients(databaseUrl, LIMITS.postgresConnections);
  const { before_request: before = [], after_reply: after = [] } = Object.groupBy(statements, ({ place }) => place);
  const act = async (call: RequestedCall) => {
    await ledger.replay(before, call);
    const address = { userId, daemonId: call.daemonId, epoch: 1 };
    const body = encodeToolRequest(address, requestOf(call, userId));
    const message = await nats.request(daemonSubjects(address).syncRequest, body, { timeout: TIMEOUT_MS });
    const { status } = fromJsonString(ToolExecutionReplySchema, message.string());
    if (status !== Status.DONE) throw new ReliantError("internal", `call a daemon of the bare chain: it is ${status}`);
    await ledger.replay(after, call);
  };
  await driveRuns(runs, act, say);
  await Promise.all([nats.close(), ledger.close()]);
}
