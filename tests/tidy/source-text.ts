/** A TypeScript text without its comments, and without the content of its strings as well; lines keep their numbers. */
export interface StrippedSource {
  readonly withStrings: string;
  readonly codeOnly: string;
}

/** What a slash begins a regular expression after; after a name, a number or a closing bracket it divides. */
const BEFORE_REGEX = /(^|[(,=:[!&|?{};+\-*%<>~^]|\b(return|typeof|case|in|of|await|yield|throw))\s*$/;

/**
 * Strips comments and strings by reading the text once. It knows strings, templates with code inside, regular expressions
 * and both kinds of comments: enough for tests that look for names, without a compiler's start-up time.
 */
export function stripSource(text: string): StrippedSource {
  const withStrings: string[] = [];
  const codeOnly: string[] = [];
  /** Open templates: for each, how many braces are open in its current code part. */
  const templates: number[] = [];
  const keep = (part: string, code = part) => {
    withStrings.push(part);
    codeOnly.push(code);
  };
  const blank = (part: string) => part.replaceAll(/[^\n]/g, " ");
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    const two = text.slice(at, at + 2);
    const depth = templates.at(-1);
    if (two === "//" || two === "/*") {
      const end = two === "//" ? endOf(text, "\n", at, 0) : endOf(text, "*/", at + 2, 2);
      const gap = blank(text.slice(at, end));
      keep(gap);
      at = end;
    } else if (char === '"' || char === "'") {
      const end = endOfString(text, at, char);
      keep(text.slice(at, end), `${char}${blank(text.slice(at + 1, end - 1))}${char}`);
      at = end;
    } else if (char === "`" || (char === "}" && depth === 0)) {
      const end = endOfTemplatePart(text, at + 1);
      const opensCode = text.charAt(end - 1) === "{";
      if (char === "`" && opensCode) templates.push(0);
      if (char === "}" && !opensCode) templates.pop();
      keep(text.slice(at, end), `${char}${blank(text.slice(at + 1, end - 1))}${text.charAt(end - 1)}`);
      at = end;
    } else if (char === "/" && BEFORE_REGEX.test(codeOnly.slice(-40).join(""))) {
      const end = endOfRegex(text, at);
      keep(text.slice(at, end), blank(text.slice(at, end)));
      at = end;
    } else {
      if (depth !== undefined && (char === "{" || char === "}")) {
        templates[templates.length - 1] = depth + (char === "{" ? 1 : -1);
      }
      keep(char);
      at++;
    }
  }
  return { withStrings: withStrings.join(""), codeOnly: codeOnly.join("") };
}

function endOf(text: string, mark: string, from: number, length: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + length;
}

function endOfString(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === quote || text.charAt(at) === "\n") return at + 1;
  }
  return text.length;
}

function endOfTemplatePart(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === "`") return at + 1;
    else if (text.startsWith("${", at)) return at + 2;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if ((char === "/" && !inClass) || char === "\n") return at + 1;
  }
  return text.length;
}
