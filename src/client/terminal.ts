import { withoutControls } from "./tool-summary.ts";
import type { Piece } from "./transcript-view.ts";

/** SGR codes (ECMA-48) of each style; an answer is plain. */
const CODES: Readonly<Record<Piece["style"], string>> = {
  answer: "",
  thinking: "2;3",
  tool: "1;36",
  output: "2",
  good: "32",
  bad: "31",
  note: "33",
};

/** The piece as a terminal shows it: without control characters of others, coloured where asked. */
export function paint(piece: Piece, colour: boolean): string {
  const text = withoutControls(piece.text);
  const code = CODES[piece.style];
  if (!colour || code === "") return text;
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : `\u001b[${code}m${line}\u001b[0m`))
    .join("\n");
}

/** Colour is for terminals; NO_COLOR (https://no-color.org) and FORCE_COLOR decide otherwise. */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if ((env.NO_COLOR ?? "") !== "") return false;
  if ((env.FORCE_COLOR ?? "") !== "") return true;
  return isTerminal && env.TERM !== "dumb";
}
