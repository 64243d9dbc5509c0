/** Longest diff, lines; the rest is counted. */
const MAX_LINES = 30;
const MAX_LINE = 300;

/**
 * What differs, for people: the lines that both texts begin and end with are counted, the rest is shown, `-` for the
 * expected and `+` for the sent one.
 */
export function textDiff(expected: string, sent: string): string {
  const [left, right] = [expected.split("\n"), sent.split("\n")];
  const shortest = Math.min(left.length, right.length);
  let head = 0;
  while (head < shortest && left[head] === right[head]) head++;
  let tail = 0;
  while (tail < shortest - head && left[left.length - 1 - tail] === right[right.length - 1 - tail]) tail++;
  return [
    ...same(head),
    ...marked("-", left.slice(head, left.length - tail)),
    ...marked("+", right.slice(head, right.length - tail)),
    ...same(tail),
  ].join("\n");
}

/** The lines, each behind the mark; long ones and too many are cut, and it is said. */
export function marked(mark: string, lines: readonly string[]): string[] {
  const shown = lines.slice(0, MAX_LINES).map((line) => {
    return `${mark} ${line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE)}… (${line.length} characters)`}`;
  });
  return lines.length <= MAX_LINES ? shown : [...shown, `${mark} … (${lines.length - MAX_LINES} more lines)`];
}

function same(count: number): string[] {
  return count === 0 ? [] : [`  (${count} ${count === 1 ? "line" : "lines"} the same)`];
}
