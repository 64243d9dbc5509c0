/** Names of what belongs to reliant and not to the user's commands: its settings with secrets in them, and what would change how programs built with Bun start. */
const HIDDEN =
  /^(RELIANT_.*|DATABASE_URL|NATS_URL|TEMPORAL_API_KEY|ANTHROPIC_API_KEY|OPENAI_API_KEY|GOOGLE_GENERATIVE_AI_API_KEY|COMPATIBLE_API_KEY|BUN_OPTIONS|BUN_BE_BUN)$/;

/** Commands have no terminal and nobody to ask: no pagers, no prompts, no colours. */
const QUIET = { TERM: "dumb", PAGER: "cat", GIT_PAGER: "cat", GIT_TERMINAL_PROMPT: "0", NO_COLOR: "1" };

/** The variable by which a call's processes are known, those too that left its group. */
export const CALL_VARIABLE = "RELIANT_TOOL_CALL_ID";

/** The variables that a tool's commands get. */
export function toolEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  toolCallId: string,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && !HIDDEN.test(name.toUpperCase())) environment[name] = value;
  }
  return { ...environment, ...QUIET, [CALL_VARIABLE]: toolCallId };
}
