import { stringify } from "yaml";
import { answerOf, COUNTER_FILE, callMark, lastWords, type PlannedCall, type Rounds, TURN_KINDS } from "./turn-plan.ts";

/** Moves with every change of what the script plays: an older file is noticed by {@link helloAnswer}. */
const VERSION = 2;

/** The script that plays the model of chaos's chats, as the text of its file (`models/scripted.md`). */
export function chaosScript(): string {
  const conversations = [hello(), ...Object.entries(TURN_KINDS).map(([kind, rounds]) => conversation(kind, rounds))];
  const script = {
    description: "Plays the model of `reliant chaos`. Each call counts itself in a file as it starts.",
    defaults: { chunk: 12, pace_ms: 5 },
    conversations,
  };
  return `# Written by \`reliant chaos --write-script\`: start workers with --scripted-model and this file.\n${stringify(script, { lineWidth: 0 })}`;
}

/** The first words of chaos to a stack: only the script knows the answer. */
export function helloPrompt(nonce: string): string {
  return `chaos hello nonce=${nonce}`;
}

export function helloAnswer(nonce: string): string {
  return `Chaos script ${VERSION} hears ${nonce}.`;
}

function hello() {
  return {
    match: "chaos hello",
    turns: [{ capture: { nonce: { matches: "nonce=(\\S+)" } }, steps: [{ text: helloAnswer("{{nonce}}") }] }],
  };
}

function conversation(kind: string, rounds: Rounds) {
  const capture = { mark: { matches: "mark=(\\S+)" } };
  const asking = rounds.map((calls, index) => ({
    ...(index === 0 ? { capture } : {}),
    steps: [{ thinking: `I count {{mark}}, round ${index + 1}.` }, { text: "Counting {{mark}}." }, ...calls.map(step)],
  }));
  return { match: `chaos ${kind} mark=`, turns: [...asking, { steps: [{ text: answerOf("{{mark}}") }] }] };
}

function step(call: PlannedCall) {
  return { tool_call: { id: `call_${call.number}`, name: "shell", input: { command: command(call) } } };
}

/** Counts first, in one write of one line: what comes after may be cut off, and says at its end that it was not. */
function command(call: PlannedCall): string {
  const count = `echo "${callMark("{{mark}}", call.number)} $(date +%s)" >> ${COUNTER_FILE}`;
  const print = call.lines === 0 ? [] : [`seq 1 ${call.lines}`];
  const wait = call.seconds === 0 ? [] : [`sleep ${call.seconds}`];
  return [count, ...print, ...wait, `echo "${lastWords(callMark("{{mark}}", call.number))}"`].join("; ");
}
