import type { BenchWorld } from "./bench-part.ts";
import { NO_TOOL, ONE_PLAN, ONE_TOOL_CALL } from "./bench-scripts.ts";
import type { ChatRuns, EndedRun } from "./chat-runs.ts";

/** Most runs at once: where the machine is too busy for the pace, the load falls behind it and does not pile up. */
const CALLERS = 16;
/** Chats that go on: so many at a time, and messages of one, then a new one takes its place. A run reads its whole chat. */
const LIVED_CHATS = 6;
const LIVED_MESSAGES = 200;

const ONE_SHELL = "a shell, please";
const LONG_RUN = "a long run, please";
const LONG_TURNS = 130;
/** On a busy machine a turn takes more than ten seconds: a shorter soak has runs of which some end all the same. */
const LONG_FROM_MS = 10 * 60_000;
const SOME_TURNS_RUN = "some turns, please";
const SOME_TURNS = 3;
const CALLS_A_TURN = 8;
const TURN_PAUSE_MS = 150;

const SHELL_CALL = "{ name: shell, input: { command: echo hello } }";
const READ_CALL = "{ name: read_file, input: { path: note.txt } }";

/**
 * What the scripted model plays beside the bench's own: a tool that starts a process, and a run of some thousand events,
 * which its workflow must cut by continuing as a new one (`LIMITS.historyEvents`); and one of some turns alike.
 */
export const SOAK_CONVERSATIONS = `  - match: a shell
    turns:
      - steps:
          - tool_call: ${SHELL_CALL}
      - steps:
          - text: "It says hello."
  - match: ${NO_TOOL}
    turns:
      - steps:
          - text: "Yes, still."
  - match: a long run
    turns:
${Array.from({ length: LONG_TURNS }, longTurn).join("")}      - steps:
          - text: "That was long."
  - match: some turns
    turns:
${Array.from({ length: SOME_TURNS }, longTurn).join("")}      - steps:
          - text: "Those were some."
`;

function longTurn(): string {
  const calls = Array.from({ length: CALLS_A_TURN - 1 }, () => `          - tool_call: ${READ_CALL}\n`).join("");
  return `      - steps:\n          - delay_ms: ${TURN_PAUSE_MS}\n          - tool_call: ${SHELL_CALL}\n${calls}`;
}

/** New chats and chats that go on, with a tool of the daemon, of the worker, one that starts a process, and none. */
const KINDS = [
  { lived: false, text: ONE_TOOL_CALL },
  { lived: true, text: ONE_TOOL_CALL },
  { lived: false, text: ONE_SHELL },
  { lived: true, text: NO_TOOL },
  { lived: false, text: ONE_PLAN },
  { lived: true, text: ONE_SHELL },
] as const;

/** The runs of a soak. One that fails ends it: the promise that was given rejects. */
export class SoakLoad {
  /** Runs that have ended, long ones not counted. */
  done = 0;
  longRuns = 0;
  private begun = 0;
  private readonly resting: { readonly last: EndedRun; readonly messages: number }[] = [];

  constructor(
    private readonly world: BenchWorld,
    private readonly runs: ChatRuns,
    private readonly chat: { readonly model: string; readonly projectId: string },
  ) {}

  /** As many as the stack bears, so many runs or so long, whichever is less. */
  async asFastAsItGoes(count: number, mostMs: number): Promise<void> {
    const endMs = performance.now() + mostMs;
    let left = count;
    await this.callAll(async () => {
      while (left-- > 0 && performance.now() < endMs) await this.one();
    });
  }

  /** At a steady pace, and one run of many tool calls after the other beside, until the signal. */
  async atPace(perSecond: number, ends: AbortSignal): Promise<void> {
    const everyMs = 1000 / perSecond;
    let nextMs = performance.now();
    const paced = this.callAll(async () => {
      while (!ends.aborted) {
        const slotMs = nextMs;
        // What could not be begun in time is not made up for.
        nextMs = Math.max(slotMs, performance.now() - everyMs) + everyMs;
        await this.world.clock.sleep(Math.max(0, slotMs - performance.now()), ends).catch(() => undefined);
        if (!ends.aborted) await this.one();
      }
    });
    const text = this.world.durationMs >= LONG_FROM_MS ? LONG_RUN : SOME_TURNS_RUN;
    const long = async () => {
      while (!ends.aborted) {
        await Promise.race([this.runs.run({ ...this.chat, text }), aborted(ends)]);
        if (!ends.aborted) this.longRuns++;
      }
    };
    await Promise.all([paced, long()]);
  }

  private async callAll(caller: () => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: CALLERS }, caller));
  }

  private async one(): Promise<void> {
    const { lived, text } = KINDS[this.begun++ % KINDS.length] ?? KINDS[0];
    const resting = lived ? this.resting.pop() : undefined;
    const last = await (resting === undefined
      ? this.runs.run({ ...this.chat, text })
      : this.runs.goOn(resting.last, text));
    this.done++;
    const messages = (resting?.messages ?? 0) + 1;
    if (lived && messages < LIVED_MESSAGES && this.resting.length < LIVED_CHATS) {
      this.resting.unshift({ last, messages });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
