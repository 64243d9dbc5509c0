import type { Database, Statement } from "bun:sqlite";
import type { Claim } from "./claims.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import { branchOf } from "./reach.ts";
import type { World } from "./world.ts";

/** What the triggers note of a transaction. */
interface Note {
  readonly kind: "call" | "number" | "run" | "epoch" | "outbox+" | "outbox-" | "connected";
  readonly id: string;
  readonly a: string | number | null;
  readonly b: string | number | null;
  readonly c: string | number | null;
  readonly d: string | number | null;
}

/** Triggers of this connection alone: whatever way a row is changed, it is noted. */
const TRIGGERS = [
  "create temp table noted (kind text, id text, a, b, c, d)",
  `create temp trigger call_made after insert on tool_calls begin
     insert into noted values ('call', new.id, null, new.state, null, new.journal_id); end`,
  `create temp trigger call_moved after update on tool_calls
     when old.state <> new.state or old.journal_id is not new.journal_id or old.result is not new.result begin
     insert into noted values ('call', new.id, old.state, new.state, old.journal_id, new.journal_id); end`,
  `create temp trigger numbered after insert on chat_updates begin
     insert into noted values ('number', new.chat_id, new.sequence, null, null, null); end`,
  `create temp trigger run_made after insert on runs begin
     insert into noted values ('run', new.chat_id, new.id, new.state, null, null); end`,
  `create temp trigger run_moved after update of state on runs when old.state <> new.state begin
     insert into noted values ('run', new.chat_id, new.id, new.state, old.state, null); end`,
  `create temp trigger epoch_moved after update of epoch on daemons when old.epoch <> new.epoch begin
     insert into noted values ('epoch', new.id, old.epoch, new.epoch, new.gateway_id, new.journal_id); end`,
  `create temp trigger connected_moved after update of connected on daemons when old.connected <> new.connected
     begin insert into noted values ('connected', new.id, new.connected, new.epoch, null, null); end`,
  `create temp trigger outbox_in after insert on outbox begin
     insert into noted values ('outbox+', new.chat_id, new.id, null, null, null); end`,
  `create temp trigger outbox_out after delete on outbox begin
     insert into noted values ('outbox-', old.chat_id, old.id, null, null, null); end`,
];

/** Looks at each commit: the ledger's moves, the chats' numbers, the runs that are under way and who will move them. */
export class StoreWatch {
  /** Last number of each chat. */
  readonly sequences = new Map<string, number>();
  /** Run under way, by chat. */
  readonly running = new Map<string, string>();
  /** Outbox rows, by chat. */
  readonly outbox = new Map<string, number>();
  readonly epochs = new Map<string, number>();
  /** Commits that changed something of chats and calls. */
  changes = 0;
  private readonly endings = new Map<string, PromiseWithResolvers<void>>();
  private notes: Statement<Note, []> | undefined;
  private clear: Statement<unknown, []> | undefined;

  constructor(
    private readonly world: World,
    private readonly ledger: LedgerWatch,
  ) {}

  attach(sqlite: Database): void {
    for (const trigger of TRIGGERS) sqlite.run(trigger);
    this.notes = sqlite.prepare<Note, []>("select * from noted order by rowid");
    this.clear = sqlite.prepare("delete from noted");
    this.ledger.attach(sqlite);
  }

  committed(by: string | undefined, claim: Claim | undefined): void {
    const notes = this.notes?.all() ?? [];
    if (claim?.kind === "call") this.met(claim, notes);
    if (notes.length === 0) return;
    this.clear?.run();
    if (notes.some(({ kind }) => kind !== "epoch" && kind !== "connected")) this.changes++;
    const who = by ?? "setup";
    const movesEpoch = new Set(notes.flatMap(({ kind, id }) => (kind === "epoch" ? [id] : [])));
    for (const note of notes)
      this.take(note, who, note.kind === "connected" && movesEpoch.has(note.id) ? undefined : claim);
    if (movesEpoch.size > 0 && notes.some(({ kind, b }) => kind === "call" && b === "unknown")) {
      this.world.reach.note("hello: ends what runs under another journal");
    }
  }

  /** The branch of the ledger's table that an event took. */
  private met({ toolCallId, event, fence }: Extract<Claim, { kind: "call" }>, notes: readonly Note[]): void {
    const { reach } = this.world;
    if (fence !== undefined && this.epochs.get(fence.daemonId) !== fence.epoch) {
      reach.note(`ledger: a ${event.kind} of an older epoch is fenced`);
      return;
    }
    const moved = notes.find(({ kind, id }) => kind === "call" && id === toolCallId);
    const before =
      moved === undefined
        ? this.ledger.standingOf(toolCallId)
        : { state: textOf(moved.a) ?? "requested", journalId: textOf(moved.c) };
    if (before !== undefined) reach.note(branchOf(before, event));
  }

  private take(note: Note, by: string, claim: Claim | undefined): void {
    const { history } = this.world;
    switch (note.kind) {
      case "call":
        if (claim?.kind === "call") this.mustHold(claim, by, `moves ${history.name(note.id)} to ${note.b}`);
        this.ledger.moved(
          {
            toolCallId: note.id,
            from: textOf(note.a),
            to: textOf(note.b) ?? "",
            fromJournal: textOf(note.c),
            journal: textOf(note.d),
          },
          by,
        );
        break;
      case "number":
        this.number(note.id, Number(note.a));
        break;
      case "run":
        history.note(`${by}: ${history.name(note.id)}: ${history.name(textOf(note.a))} is ${note.b}`);
        this.run(note.id, String(note.a), note.b === "running");
        break;
      case "epoch":
        this.epoch(note, by);
        break;
      case "connected":
        this.mustHold(claim, by, `marks ${history.name(note.id)} connected=${note.a}`, note.id);
        history.note(`${by}: ${history.name(note.id)} epoch ${note.b} ${note.a === 1 ? "connected" : "disconnected"}`);
        break;
      case "outbox+":
        this.outbox.set(note.id, (this.outbox.get(note.id) ?? 0) + 1);
        break;
      case "outbox-":
        this.outbox.set(note.id, (this.outbox.get(note.id) ?? 1) - 1);
        break;
    }
  }

  /** Resolves when the chat has no run under way any more. */
  runEnds(chatId: string): Promise<void> {
    const known = this.endings.get(chatId);
    if (known !== undefined) return known.promise;
    const ending = Promise.withResolvers<void>();
    this.endings.set(chatId, ending);
    return ending.promise;
  }

  private run(chatId: string, runId: string, isRunning: boolean): void {
    if (isRunning) {
      this.running.set(chatId, runId);
      return;
    }
    if (this.running.get(chatId) !== runId) return;
    this.running.delete(chatId);
    this.endings.get(chatId)?.resolve();
    this.endings.delete(chatId);
  }

  /** Numbers of a chat come one after the other. */
  private number(chatId: string, sequence: number): void {
    const last = this.sequences.get(chatId) ?? 0;
    if (sequence !== last + 1) {
      this.world.fail("transcript-prefix", `${this.world.history.name(chatId)}: number ${sequence} follows ${last}`);
    }
    this.sequences.set(chatId, sequence);
  }

  private epoch(note: Note, by: string): void {
    const { history } = this.world;
    const [before, after] = [Number(note.a), Number(note.b)];
    if (after !== before + 1) {
      this.world.fail("old-epoch-has-no-effect", `${history.name(note.id)}: epoch ${after} follows ${before}`);
    }
    this.epochs.set(note.id, after);
    this.ledger.journalOf(note.id, textOf(note.d));
    history.note(`${by}: ${history.name(note.id)} takes epoch ${after}`);
  }

  /** What is written in the name of a connection counts only while its epoch is in force. */
  private mustHold(claim: Claim | undefined, by: string, what: string, daemonId?: string): void {
    const fences = claim?.kind === "marks" ? claim.fences : (claim?.fence ?? []);
    const claimed = [fences].flat().filter((fence) => daemonId === undefined || fence.daemonId === daemonId);
    if (claim === undefined || (claim.kind === "call" && claimed.length === 0)) return;
    if (claimed.some((fence) => this.epochs.get(fence.daemonId) === fence.epoch)) return;
    const epochs = claimed.map(({ daemonId: id, epoch }) => `${epoch}, while ${this.epochs.get(id) ?? 0} is in force`);
    this.world.fail("old-epoch-has-no-effect", `${by} ${what} by epoch ${epochs.join("; ") || "of nobody"}`);
  }
}

function textOf(value: string | number | null): string | undefined {
  return value === null ? undefined : String(value);
}
