/** Longest summary of a tool's input on one line, characters. */
const WIDTH = 100;

/** What a person wants to see of a tool call's input: the command, the path, or the beginning of its JSON. Control characters are shown as spaces. */
export function summarizeInput(toolName: string, inputJson: string): string {
  const input = parse(inputJson);
  const text = mainField(toolName, input) ?? inputJson;
  const line = printable(text).trim();
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
}

/** Takes control characters out, so that a tool or a model cannot drive the terminal. Line feeds and tabs stay. */
export function withoutControls(text: string): string {
  return [...text].filter((char) => char === "\n" || char === "\t" || !isControl(char)).join("");
}

function printable(text: string): string {
  return [...text].map((char) => (isControl(char) ? " " : char)).join("");
}

function isControl(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

function mainField(toolName: string, input: Readonly<Record<string, unknown>>): string | undefined {
  const field = MAIN_FIELDS[toolName];
  const value = field === undefined ? undefined : input[field];
  return typeof value === "string" ? value : undefined;
}

const MAIN_FIELDS: Readonly<Record<string, string>> = {
  shell: "command",
  read_file: "path",
  write_file: "path",
  edit_file: "path",
  list_files: "path",
  search_files: "pattern",
};

function parse(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
