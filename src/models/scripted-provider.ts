import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { jsonOrText } from "./json-border.ts";
import { ModelError, type ModelEvent, type ModelProvider, type ModelRequest } from "./model-provider.ts";
import type { Pace, Script, Step, Turn } from "./script.ts";
import { failedExpectations } from "./script-expect.ts";
import { fillJson, fillText } from "./script-template.ts";
import { type ScriptView, scriptedCallId, scriptView } from "./script-view.ts";

/**
 * Plays a YAML script as a model, with no network; `scripted.md` tells how it is written. The model's name is the
 * script's path, which is read once.
 */
export class ScriptedProvider implements ModelProvider {
  private readonly scripts = new Map<string, Promise<Script>>();

  constructor(private readonly clock: Clock) {}

  /** Reads the script at the path. Throws `not_found` or, with all faults, `invalid_argument`. */
  load(path: string): Promise<Script> {
    const file = resolve(path);
    const known = this.scripts.get(file);
    if (known !== undefined) return known;
    const loading = readScript(file);
    this.scripts.set(file, loading);
    // A file that could not be read may be mended.
    loading.catch(() => this.scripts.delete(file));
    return loading;
  }

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent, void, undefined> {
    signal.throwIfAborted();
    const script = await this.load(request.model).catch((error) => {
      throw new ModelError(messageOf(error), { retryable: false, cause: error });
    });
    const { turn, view, where } = turnOf(script, scriptView(script, request.messages));
    const failures = failedExpectations(turn, view, request);
    if (failures.length > 0)
      throw broken(`${where}: not sent as expected (- expected, + sent)\n${failures.join("\n")}`);
    const play = new TurnPlay(turn, view, request, this.clock, signal, where);
    yield* play.events();
  }
}

/** One turn as it is played. */
class TurnPlay {
  private nextIndex = 0;
  private toolCalls = 0;
  private readonly values = new Map<string, string>();

  constructor(
    private readonly turn: Turn,
    private readonly view: ScriptView,
    private readonly request: ModelRequest,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
    private readonly where: string,
  ) {
    this.values.set("last_user", view.lastUser);
    this.values.set("chat_id", request.chatId);
    for (const { captures } of view.conversation.turns.slice(0, view.turnIndex + 1)) {
      for (const { name, result, matches } of captures) {
        const text = result === undefined ? view.lastUser : this.resultText(result);
        const found = new RegExp(matches, "u").exec(text);
        if (found !== null) this.values.set(name, found[1] ?? found[0]);
      }
    }
  }

  async *events(): AsyncGenerator<ModelEvent, void, undefined> {
    for (const step of this.turn.steps) yield* this.play(step);
    const reason = this.turn.stop ?? (this.toolCalls > 0 ? "tool_calls" : "stop");
    yield { kind: "finish", reason, usage: this.turn.usage };
  }

  private async *play(step: Step): AsyncGenerator<ModelEvent, void, undefined> {
    this.signal.throwIfAborted();
    switch (step.kind) {
      case "delay":
        return await this.clock.sleep(step.ms, this.signal);
      case "error":
        return this.fail(step);
      case "say": {
        const index = this.nextIndex++;
        yield { kind: "block_started", index, block: step.block };
        yield* this.deltas(index, fillText(step.text, this.value), step.pace);
        yield { kind: "block_ended", index };
        return;
      }
      case "tool_call": {
        const index = this.nextIndex++;
        const providerCallId = scriptedCallId(this.view.turnIndex, this.toolCalls++, step.label);
        const text =
          step.inputText === undefined
            ? JSON.stringify(fillJson(step.input, this.value))
            : fillText(step.inputText, this.value);
        yield { kind: "tool_call_started", index, providerCallId, name: step.name };
        yield* this.deltas(index, text, step.pace);
        yield { kind: "block_ended", index, input: jsonOrText(text) };
      }
    }
  }

  private async *deltas(index: number, text: string, pace: Pace): AsyncGenerator<ModelEvent, void, undefined> {
    const characters = Array.from(text);
    const size = pace.chunk ?? Math.max(1, characters.length);
    for (let from = 0; from < characters.length; from += size) {
      if (pace.paceMs > 0) await this.clock.sleep(pace.paceMs, this.signal);
      this.signal.throwIfAborted();
      yield { kind: "delta", index, text: characters.slice(from, from + size).join("") };
    }
  }

  private fail(step: Extract<Step, { kind: "error" }>): void {
    if (step.attempts !== undefined && (this.request.attempt ?? 1) > step.attempts) return;
    const status = step.status === undefined ? "" : ` (${step.status})`;
    throw new ModelError(`${this.where}: ${step.message}${status}`, {
      retryable: step.retryable,
      retryAfterMs: step.retryAfterMs,
    });
  }

  private readonly value = (name: string): string => {
    if (name.startsWith("result.")) return this.resultText(name.slice("result.".length));
    const value = this.values.get(name);
    if (value === undefined) throw broken(`${this.where}: the capture ${name} found nothing in what was sent`);
    return value;
  };

  private resultText(call: string): string {
    const result = this.view.result(call);
    if (result === undefined) throw broken(`${this.where}: no result of ${call} was sent`);
    return result.text;
  }
}

function turnOf(script: Script, view: ScriptView | undefined) {
  if (view === undefined) {
    throw broken(
      `script ${script.name}: no conversation's match fits a message of the user, and none is without match`,
    );
  }
  const { conversation, turn, turnIndex } = view;
  if (turn === undefined) {
    throw broken(
      `script ${script.name}:${conversation.line}: turn ${turnIndex + 1} was asked for, the conversation has ${conversation.turns.length}`,
    );
  }
  return { turn, view, where: `script ${script.name}:${turn.line}: turn ${turnIndex + 1}` };
}

function broken(message: string): ModelError {
  return new ModelError(message, { retryable: false });
}

async function readScript(file: string): Promise<Script> {
  const found = await stat(file).catch((error) => {
    throw new ReliantError("not_found", `read script ${file}: ${messageOf(error)}`, { cause: error });
  });
  if (!found.isFile()) throw new ReliantError("invalid_argument", `read script ${file}: not a file`);
  if (found.size > LIMITS.settingFileBytes) {
    throw new ReliantError(
      "invalid_argument",
      `read script ${file}: ${found.size} bytes, at most ${LIMITS.settingFileBytes} are read`,
    );
  }
  const [{ parseScript }, text] = await Promise.all([import("./script-file.ts"), readFile(file, "utf8")]);
  return parseScript(text, file);
}
