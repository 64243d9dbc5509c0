import { LIMITS } from "../core/limits.ts";

/** Room for the mark of a cut. */
const CUT_MARK_BYTES = 64;

/**
 * A tool's text and a note, as the ledger and every provider take them: no half characters (a provider refuses each later
 * request of a chat that holds one), and together at most `LIMITS.toolResultTextBytes`; what is left out is said.
 */
export function resultTextOf(given: string, note = ""): string {
  const text = given.toWellFormed();
  const room = LIMITS.toolResultTextBytes - Buffer.byteLength(note);
  if (Buffer.byteLength(text) <= room) return text + note;
  const bytes = Buffer.from(text);
  let end = room - CUT_MARK_BYTES;
  // Not in the middle of a character: bytes 10xxxxxx go on with one.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString("utf8", 0, end)}\n[${bytes.length - end} bytes left out]${note}`;
}
