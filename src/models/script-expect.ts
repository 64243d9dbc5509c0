import type { ModelRequest } from "./model-provider.ts";
import type { ResultExpectation, TextMatch, Turn } from "./script.ts";
import { fits, type ScriptView } from "./script-view.ts";
import { marked, textDiff } from "./text-diff.ts";

/** What the turn expected and was not sent, one readable text each; all of them at once. */
export function failedExpectations(turn: Turn, view: ScriptView, request: ModelRequest): string[] {
  const { expect } = turn;
  const failures: string[] = [];
  if (expect.lastUser !== undefined) failures.push(...textFailures("last_user", expect.lastUser, view.lastUser));
  if (expect.system !== undefined) failures.push(...textFailures("system", expect.system, request.system));
  if (expect.messages !== undefined && expect.messages !== request.messages.length) {
    const roles = request.messages.map((message) => message.role).join(", ");
    failures.push(`messages:\n- ${expect.messages}\n+ ${request.messages.length} (${roles})`);
  }
  const offered = new Set(request.tools.map((tool) => tool.name));
  const missing = (expect.tools ?? []).filter((name) => !offered.has(name));
  if (missing.length > 0) {
    failures.push(`tools:\n${marked("-", missing).join("\n")}\n+ offered: ${[...offered].join(", ") || "none"}`);
  }
  for (const result of expect.results) failures.push(...resultFailures(result, view));
  return failures;
}

function resultFailures(expected: ResultExpectation, view: ScriptView): string[] {
  const what = `results.${expected.call}`;
  const result = view.result(expected.call);
  if (result === undefined) return [`${what}:\n- a result\n+ none was sent`];
  const failures = textFailures(what, expected.text, result.text);
  if (expected.isError !== undefined && expected.isError !== result.isError) {
    failures.push(
      `${what}.is_error:\n- ${expected.isError}\n+ ${result.isError}, with the text:\n${sent(result.text)}`,
    );
  }
  return failures;
}

function textFailures(what: string, match: TextMatch, text: string): string[] {
  const failures: string[] = [];
  if (match.equals !== undefined && !fits(text, { equals: match.equals })) {
    failures.push(`${what} equals:\n${textDiff(match.equals.trim(), text.trim())}`);
  }
  if (match.contains !== undefined && !fits(text, { contains: match.contains })) {
    failures.push(`${what} contains:\n${marked("-", match.contains.split("\n")).join("\n")}\n${sent(text)}`);
  }
  if (match.matches !== undefined && !fits(text, { matches: match.matches })) {
    failures.push(`${what} matches:\n- /${match.matches}/u\n${sent(text)}`);
  }
  return failures;
}

function sent(text: string): string {
  return marked("+", text === "" ? ["(empty)"] : text.split("\n")).join("\n");
}
