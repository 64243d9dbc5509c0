import { stringify } from "yaml";

/** One act of the scripted model (src/models/scripted.md). */
export type Step =
  | { readonly text: string; readonly chunk?: number; readonly pace_ms?: number }
  | { readonly delay_ms: number }
  | {
      readonly tool_call: {
        readonly id: string;
        readonly name: "shell";
        readonly input: Readonly<Record<string, string | number>>;
      };
    };

export interface Turn {
  readonly capture?: Readonly<Record<string, { readonly result?: string; readonly matches: string }>>;
  readonly steps: readonly Step[];
}

export interface Conversation {
  /** A message of the user with these words begins it. */
  readonly match: string;
  readonly turns: readonly Turn[];
}

/** Takes the mark out of the user's words, for `{{mark}}`. */
export const MARK = { mark: { matches: "mark=(\\S+)" } } as const;

export function shell(id: string, command: string, timeoutMs?: number): Step {
  const input = { command, ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }) };
  return { tool_call: { id, name: "shell", input } };
}

export async function writeScript(path: string, conversations: readonly Conversation[]): Promise<void> {
  const script = { defaults: { chunk: 12, pace_ms: 5 }, conversations };
  await Bun.write(path, stringify(script, { lineWidth: 0 }));
}
