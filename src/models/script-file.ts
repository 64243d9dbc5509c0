import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { messageOf, ReliantError } from "../core/errors.ts";
import type { Script } from "./script.ts";
import { type Lines, scriptOf } from "./script-of.ts";
import { scriptSchema } from "./script-schema.ts";

interface Fault {
  readonly line: number;
  readonly text: string;
}

type Path = readonly PropertyKey[];

/** Reads a script. Throws `invalid_argument` with all faults and their lines. `name` is how messages call it. */
export function parseScript(text: string, name: string): Script {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (offset: number) => counter.linePos(offset).line;
  const broken = document.errors.map((error) => ({ line: lineAt(error.pos[0]), text: error.message }));
  if (broken.length > 0) throw faulty(name, broken);

  const parsed = scriptSchema.safeParse(plain(document, name));
  const lines: Lines = (path) => lineAt(offsetOf(document, path));
  if (!parsed.success) {
    throw faulty(
      name,
      parsed.error.issues.flatMap((issue) => {
        const keys = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
        return keys.map((key) => ({
          line: lines(key === undefined ? issue.path : [...issue.path, key]),
          text: `${pathText(issue.path)}${key === undefined ? issue.message : `unknown key ${JSON.stringify(key)}`}`,
        }));
      }),
    );
  }
  const faults: Fault[] = [];
  const script = scriptOf(parsed.data, name, lines, (path, fault) => {
    faults.push({ line: lines(path), text: `${pathText(path)}${fault}` });
  });
  if (faults.length > 0) throw faulty(name, faults);
  return script;
}

/** The document's values. An alias bomb is refused by the parser's limit. */
function plain(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw faulty(name, [{ line: 1, text: messageOf(error) }]);
  }
}

function faulty(name: string, faults: readonly Fault[]): ReliantError {
  const sorted = faults.toSorted((a, b) => a.line - b.line);
  const lines = sorted.map((fault) => `\n  line ${fault.line}: ${fault.text}`);
  const count = lines.length === 1 ? "1 fault" : `${lines.length} faults`;
  return new ReliantError("invalid_argument", `read script ${name}: ${count}:${lines.join("")}`);
}

function pathText(path: Path): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text === "" ? "" : `${text.replace(/^\./, "")}: `;
}

/** Where the path stands in the text: its last key or item that exists. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair === undefined) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === "number") {
      node = node.items[key];
      offset = rangeStart(node) ?? offset;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return isNodeWithRange(node) ? node.range?.[0] : undefined;
}

function isNodeWithRange(node: unknown): node is Node {
  return typeof node === "object" && node !== null && "range" in node;
}
