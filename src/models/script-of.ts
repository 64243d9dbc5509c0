import type { JsonValue } from "../chat/json.ts";
import type { Capture, Conversation, Expectations, Pace, Script, Step, TextMatch, Turn } from "./script.ts";
import type { WrittenMatch, WrittenScript, WrittenStep, WrittenTurn } from "./script-schema.ts";
import { namesIn } from "./script-template.ts";

type Path = readonly PropertyKey[];
/** The line in which a path of the file stands. */
export type Lines = (path: Path) => number;
/** Takes a fault that the schema cannot see. */
export type TellFault = (path: Path, fault: string) => void;

/** Values that templates have without a capture. */
const BUILT_IN_NAMES = ["last_user", "chat_id"];

/** The script as it is played. Tells names that no call and no capture of an earlier place defines, and labels given twice. */
export function scriptOf(written: WrittenScript, name: string, lines: Lines, tell: TellFault): Script {
  const defaults: Pace = { chunk: written.defaults?.chunk, paceMs: written.defaults?.pace_ms ?? 0 };
  const conversations = written.conversations ?? [];
  const reader = { defaults, lines, tell };
  if (written.turns !== undefined) {
    return { name, conversations: [conversationOf(undefined, written.turns, [], reader)] };
  }
  return {
    name,
    conversations: conversations.map(({ match, turns }, index) => {
      return conversationOf(match, turns, ["conversations", index], reader);
    }),
  };
}

interface Reader {
  readonly defaults: Pace;
  readonly lines: Lines;
  readonly tell: TellFault;
}

/** What the turns so far have defined. */
interface Known {
  readonly calls: Set<string>;
  readonly labels: Set<string>;
  readonly captures: Set<string>;
}

function conversationOf(
  match: WrittenMatch | undefined,
  turns: readonly WrittenTurn[],
  path: Path,
  reader: Reader,
): Conversation {
  const known: Known = { calls: new Set(), labels: new Set(), captures: new Set() };
  return {
    match: match === undefined ? undefined : matchOf(match),
    line: reader.lines(path),
    turns: turns.map((turn, index) => turnOf(turn, [...path, "turns", index], known, reader)),
  };
}

function turnOf(written: WrittenTurn, path: Path, known: Known, reader: Reader): Turn {
  const expect = expectationsOf(written);
  for (const { call } of expect.results) checkCall(call, [...path, "expect", "results", call], known, reader);
  const captures = Object.entries(written.capture ?? {}).map(([name, { result, matches }]): Capture => {
    const at = [...path, "capture", name];
    if (result !== undefined) checkCall(result, at, known, reader);
    if (BUILT_IN_NAMES.includes(name)) reader.tell(at, `${name} is a name of its own: take another one`);
    known.captures.add(name);
    return { name, result, matches };
  });
  const steps = written.steps.map((step, index) => stepOf(step, [...path, "steps", index], known, reader));
  for (const step of steps) {
    if (step.kind !== "tool_call") continue;
    known.calls.add(step.name);
    if (step.label !== undefined) known.calls.add(step.label);
  }
  return {
    line: reader.lines(path),
    expect,
    captures,
    steps,
    usage: {
      inputTokens: written.usage?.input ?? 0,
      outputTokens: written.usage?.output ?? 0,
      cachedInputTokens: written.usage?.cached ?? 0,
      reasoningTokens: written.usage?.reasoning ?? 0,
    },
    stop: written.stop,
  };
}

function expectationsOf({ expect }: WrittenTurn): Expectations {
  const results = Object.entries(expect?.results ?? {}).map(([call, match]) => ({
    call,
    text: matchOf(match),
    isError: typeof match === "string" ? undefined : match.is_error,
  }));
  return {
    lastUser: expect?.last_user === undefined ? undefined : matchOf(expect.last_user),
    system: expect?.system === undefined ? undefined : matchOf(expect.system),
    messages: expect?.messages,
    tools: expect?.tools,
    results,
  };
}

function matchOf(match: WrittenMatch): TextMatch {
  if (typeof match === "string") return { contains: match };
  return { contains: match.contains, equals: match.equals, matches: match.matches };
}

function stepOf(written: WrittenStep, path: Path, known: Known, reader: Reader): Step {
  const pace: Pace = {
    chunk: written.chunk ?? reader.defaults.chunk,
    paceMs: written.pace_ms ?? reader.defaults.paceMs,
  };
  if (written.delay_ms !== undefined) return { kind: "delay", ms: written.delay_ms };
  if (written.error !== undefined) return errorOf(written.error);
  if (written.tool_call !== undefined) return callOf(written.tool_call, pace, path, known, reader);
  const block = written.thinking === undefined ? "text" : "thinking";
  const text = written.thinking ?? written.text ?? "";
  checkNames(text, [...path, block], known, reader);
  return { kind: "say", block, text, pace };
}

function callOf(
  call: NonNullable<WrittenStep["tool_call"]>,
  pace: Pace,
  path: Path,
  known: Known,
  reader: Reader,
): Step {
  const at = [...path, "tool_call"];
  if (call.id !== undefined && known.labels.has(call.id)) {
    reader.tell([...at, "id"], `the label ${call.id} is given twice in this conversation`);
  }
  if (call.id !== undefined) known.labels.add(call.id);
  checkNames(call.input ?? call.input_text ?? {}, at, known, reader);
  return {
    kind: "tool_call",
    name: call.name,
    label: call.id,
    input: call.input ?? {},
    inputText: call.input_text,
    pace,
  };
}

function errorOf(error: NonNullable<WrittenStep["error"]>): Step {
  const { message, status, attempts } = error;
  const retryable = error.retryable ?? (status === undefined || [408, 409, 429].includes(status) || status >= 500);
  return { kind: "error", message, status, retryable, retryAfterMs: error.retry_after_ms, attempts };
}

function checkCall(call: string, path: Path, known: Known, reader: Reader): void {
  if (known.calls.has(call)) return;
  const calls = [...known.calls].join(", ");
  reader.tell(path, `no earlier turn calls ${call}${calls === "" ? "" : `; there are ${calls}`}`);
}

function checkNames(value: JsonValue, path: Path, known: Known, reader: Reader): void {
  for (const name of namesIn(value)) {
    if (name.startsWith("result.")) checkCall(name.slice("result.".length), path, known, reader);
    else if (!known.captures.has(name) && !BUILT_IN_NAMES.includes(name)) {
      const names = [...BUILT_IN_NAMES, ...known.captures, "result.CALL"].join(", ");
      reader.tell(path, `{{${name}}} is not defined; there are ${names}; \\{{ keeps the braces`);
    }
  }
}
