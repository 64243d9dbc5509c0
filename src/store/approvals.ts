/** A question to a person about a tool call. */
export interface Approval {
  readonly id: string;
  readonly chatId: string;
  readonly toolCallId: string;
  readonly state: "pending" | "approved" | "denied";
  readonly reason?: string;
  readonly createdAtMs: number;
  readonly decidedAtMs?: number;
}

export interface Approvals {
  /** One a tool call: asking again answers the one that is there. */
  ask(toolCallId: string): Promise<Approval>;
  /** By compare-and-set on `pending`; a decision made stays. Throws `not_found`, `conflict` where it was decided otherwise. */
  decide(decision: {
    readonly userId: string;
    readonly approvalId: string;
    readonly state: "approved" | "denied";
    readonly reason?: string;
  }): Promise<Approval>;
  list(userId: string, chatId: string): Promise<readonly Approval[]>;
}
