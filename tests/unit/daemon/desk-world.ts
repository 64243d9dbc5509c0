import { join } from "node:path";
import { ReliantError } from "../../../src/core/errors.ts";
import { CallDesk, type CallFrame, type DeskEffect } from "../../../src/daemon/call-desk.ts";
import type { Invocation, Journal } from "../../../src/daemon/journal.ts";
import { SqliteJournal } from "../../../src/daemon/sqlite-journal.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";
import { LaptopClock } from "./laptop-clock.ts";

export const INVOCATION: Invocation = {
  toolName: "shell",
  inputJson: '{"command":"true"}',
  roots: ["/work"],
  timeoutMs: 60_000,
  chatId: "chat_1",
};

export interface DeskWorldOptions {
  readonly denies?: (invocation: Invocation) => string | undefined;
  readonly maxRunning?: number;
  readonly maxOpen?: number;
}

/** A desk over a real journal in a folder of its own, that can crash, and whose disk can be full. */
export class DeskWorld implements AsyncDisposable {
  readonly clock = new LaptopClock();
  desk: CallDesk;
  diskIsFull = false;
  /** How often the desk has asked for a flush. */
  flushes = 0;
  /** Every `run` that the desk ever asked for, by id: over all crashes. */
  readonly runs: string[] = [];
  connection = "";
  private connections = 0;
  private sqlite: SqliteJournal;

  private constructor(
    private readonly folder: TempFolder,
    private readonly options: DeskWorldOptions,
  ) {
    this.sqlite = SqliteJournal.open(this.journalPath);
    this.desk = this.openDesk();
  }

  static async create(options: DeskWorldOptions = {}): Promise<DeskWorld> {
    return new DeskWorld(await tempFolder("desk"), options);
  }

  get journal(): Journal {
    return this.sqlite;
  }

  /** A new connection is welcomed. */
  connect(told: readonly string[] = this.desk.runningIds): DeskEffect[] {
    this.connections++;
    this.connection = `c${this.connections}`;
    return this.noted(this.desk.connected(this.connection, told));
  }

  say(frame: CallFrame, connection = this.connection): DeskEffect[] {
    return this.noted(this.desk.take(connection, frame));
  }

  offer(toolCallId: string, invocation = INVOCATION): DeskEffect[] {
    return this.say({ kind: "offer", toolCallId, invocation });
  }

  /** A grant that answers a `ready` said now. */
  grant(toolCallId: string, stamp = this.clock.stamp()): DeskEffect[] {
    return this.say({ kind: "grant", toolCallId, stamp });
  }

  cancel(toolCallId: string): DeskEffect[] {
    return this.say({ kind: "cancel", toolCallId, kill: false });
  }

  ack(toolCallId: string): DeskEffect[] {
    return this.say({ kind: "ack", toolCallId });
  }

  withdraw(toolCallId: string): DeskEffect[] {
    return this.say({ kind: "withdraw", toolCallId });
  }

  due(): DeskEffect[] {
    return this.noted(this.desk.due());
  }

  /** The process ends without a word and starts again on its journal. */
  crash(): void {
    this.sqlite.close();
    this.sqlite = SqliteJournal.open(this.journalPath);
    this.connection = "";
    this.desk = this.openDesk();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sqlite.close();
    await this.folder.remove();
  }

  private get journalPath(): string {
    return join(this.folder.path, "journal.db");
  }

  private openDesk(): CallDesk {
    const { denies = () => undefined, ...bounds } = this.options;
    return CallDesk.open({ journal: this.fallible(), clock: this.clock, denies, ...bounds });
  }

  /** The journal, whose writes fail while the disk is full. */
  private fallible(): Journal {
    const { sqlite } = this;
    const write = (act: () => void) => {
      if (this.diskIsFull) throw new ReliantError("resource_exhausted", "write journal: the disk is full");
      act();
    };
    return {
      id: sqlite.id,
      startCount: sqlite.startCount,
      find: (id) => sqlite.find(id),
      open: () => sqlite.open(),
      offer: (id, invocation) => write(() => sqlite.offer(id, invocation)),
      forget: (id) => write(() => sqlite.forget(id)),
      start: (id) => write(() => sqlite.start(id)),
      finish: (id, ending, result) => write(() => sqlite.finish(id, ending, result)),
      flush: () =>
        write(() => {
          sqlite.flush();
          this.flushes += 1;
        }),
      ack: (id, ack) => sqlite.ack(id, ack),
      forgetOld: (nowMs, connection) => write(() => sqlite.forgetOld(nowMs, connection)),
      takeNewId: () => write(() => sqlite.takeNewId()),
      close: () => {},
    };
  }

  private noted(effects: DeskEffect[]): DeskEffect[] {
    for (const effect of effects) if (effect.kind === "run") this.runs.push(effect.toolCallId);
    return effects;
  }
}

/** Effects in short: `ready call_1`, `result call_1 finished`, `run call_1`. */
export function said(effects: readonly DeskEffect[]): string[] {
  return effects.map(inShort);
}

function inShort(effect: DeskEffect): string {
  switch (effect.kind) {
    case "send_ready":
      return `ready ${effect.toolCallId}`;
    case "send_result":
      return `result ${effect.toolCallId} ${effect.ending}`;
    case "refuse_offer":
      return `refuse ${effect.toolCallId}`;
    case "run":
      return `run ${effect.toolCallId}`;
    case "end_tool":
      return `end ${effect.toolCallId}${effect.kill ? " kill" : ""}`;
  }
}
