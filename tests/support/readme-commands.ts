/** The commands between `<!-- commands:NAME -->` and `<!-- /commands -->` of a Markdown text: its `sh` fences, in order, as one script. Throws where there are none. */
export function commandsOf(markdown: string, name: string): string {
  const opening = `<!-- commands:${name} -->`;
  const start = markdown.indexOf(opening);
  const end = markdown.indexOf("<!-- /commands -->", start);
  if (start < 0 || end < 0) throw new Error(`find the commands ${name}: no ${opening} with its end`);
  const fences = [...markdown.slice(start, end).matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
  if (fences.length === 0) throw new Error(`find the commands ${name}: no sh fence behind ${opening}`);
  return fences.join("\n");
}
