import type { ConnectRequest } from "../../gen/reliant/v1/daemon_pb.ts";
import type { BareCalls, BareFrame } from "./bare-calls.ts";
import type { CallStatement, RequestedCall } from "./ledger-options.ts";

/** What is done to the ledger for one call. */
interface Ledger {
  replay(statements: readonly CallStatement[], call: Partial<RequestedCall>): Promise<void>;
}

/**
 * Calls that are granted when the recorded statement for `ready` has been done, and acknowledged and answered when that
 * for `result` has: the gateway's writes at their places, and no look at what comes of them.
 */
export class BareLedgerCalls {
  /** `failed`: told of what a statement throws. */
  constructor(
    private readonly calls: Pick<BareCalls, "take">,
    private readonly ledger: Ledger,
    private readonly statements: { readonly ready?: CallStatement[]; readonly result?: CallStatement[] },
    private readonly failed: (error: unknown) => void,
  ) {}

  /** A frame of this daemon's stream; what is answered goes out by `put`. */
  take(daemonId: string, message: ConnectRequest, put: (frame: BareFrame) => void): void {
    const { frame } = message;
    if (frame.case !== "ready" && frame.case !== "result") {
      this.calls.take(message, put);
      return;
    }
    const { toolCallId } = frame.value;
    const act = () => {
      // A daemon starts nothing on a grant that does not repeat the time of its `ready`.
      if (frame.case === "ready")
        put({ case: "grant", value: { toolCallId, ...(frame.value.stamp && { stamp: frame.value.stamp }) } });
      else this.calls.take(message, put);
    };
    const statements = this.statements[frame.case] ?? [];
    void this.ledger.replay(statements, { toolCallId, daemonId }).then(act).catch(this.failed);
  }
}
