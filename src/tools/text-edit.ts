export type TextEdit =
  | {
      readonly kind: "edited";
      readonly text: string;
      /** Line of each change in the new text, from 1. */
      readonly lines: readonly number[];
      /** Lines that the replacement has. */
      readonly height: number;
    }
  | { readonly kind: "not_found" }
  /** More than one place, and only one was to be changed. */
  | { readonly kind: "ambiguous"; readonly lines: readonly number[] };

/**
 * Puts `replacement` in the place of `old`, exactly. Where all lines of the text end with CRLF, both are taken with
 * CRLF; where some do, `old` is looked for as it is first.
 */
export function editText(text: string, old: string, replacement: string, replaceAll: boolean): TextEdit {
  if (!text.includes("\r\n")) return replaceExactly(text, old, replacement, replaceAll);
  const withEnds = () => replaceExactly(text, withCrLf(old), withCrLf(replacement), replaceAll);
  if (!/(?:^|[^\r])\n/.test(text)) return withEnds();
  const exact = replaceExactly(text, old, replacement, replaceAll);
  return exact.kind === "not_found" ? withEnds() : exact;
}

function replaceExactly(text: string, old: string, replacement: string, replaceAll: boolean): TextEdit {
  const places: number[] = [];
  for (let at = text.indexOf(old); at !== -1; at = text.indexOf(old, at + old.length)) places.push(at);
  if (places.length === 0) return { kind: "not_found" };
  if (places.length > 1 && !replaceAll) return { kind: "ambiguous", lines: linesOf(text, places) };
  const edited = text.split(old).join(replacement);
  const shift = replacement.length - old.length;
  const newPlaces = places.map((place, index) => place + index * shift);
  return { kind: "edited", text: edited, lines: linesOf(edited, newPlaces), height: replacement.split("\n").length };
}

/** The line of each place, from 1; places in ascending order. */
function linesOf(text: string, places: readonly number[]): number[] {
  let line = 1;
  let from = 0;
  return places.map((place) => {
    for (let at = text.indexOf("\n", from); at !== -1 && at < place; at = text.indexOf("\n", at + 1)) {
      line++;
      from = at + 1;
    }
    return line;
  });
}

function withCrLf(text: string): string {
  return text.replaceAll(/\r?\n/g, "\r\n");
}
