import picomatch from "picomatch";

/**
 * Matches names as ripgrep's `--glob` does: a glob without `/` fits the last part at any depth, one with `/` the whole
 * name; `!` at the start turns it around. Names are relative, with `/`.
 */
export function globMatcher(glob: string): (name: string) => boolean {
  const negated = glob.startsWith("!");
  const positive = (negated ? glob.slice(1) : glob).replace(/^\.?\//, "");
  const deep = positive.includes("/") ? positive : `**/${positive}`;
  const matches = picomatch(deep, { dot: true });
  return (name) => matches(name) !== negated;
}
