import { ReliantError } from "../../core/errors.ts";
import type { StatementPlace } from "./ledger-options.ts";

/** Who sent a statement. */
export type StatementSender = "worker" | "gateway";

/**
 * The statements of one call, in their order, each with its place in the chain. Throws where they are not the worker's,
 * then the gateway's for `ready` and `result`, then the worker's: their places would be a guess.
 */
export function withPlaces<Sent extends { readonly sender: StatementSender }>(
  statements: readonly Sent[],
): readonly (Sent & { readonly place: StatementPlace })[] {
  const senders = statements.map(({ sender }) => sender);
  const ready = senders.indexOf("gateway");
  const result = ready + 1;
  const ofGateway = senders.filter((sender) => sender === "gateway").length;
  if (ofGateway !== 2 || senders[result] !== "gateway" || ready === 0 || result === senders.length - 1) {
    throw new ReliantError("internal", `record a call: its statements were sent by ${senders.join(", ") || "nobody"}`);
  }
  const placeOf = (index: number): StatementPlace => {
    if (index < ready) return "before_request";
    if (index > result) return "after_reply";
    return index === ready ? "ready" : "result";
  };
  return statements.map((statement, index) => ({ ...statement, place: placeOf(index) }));
}
