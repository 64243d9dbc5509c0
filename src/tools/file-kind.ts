/** What the first bytes of a file say that it is. */
export type FileKind =
  | { readonly kind: "text" }
  | { readonly kind: "image"; readonly mediaType: string }
  | { readonly kind: "binary"; readonly what: string };

const IMAGES: readonly (readonly [mediaType: string, start: readonly number[]])[] = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

const BINARIES: readonly (readonly [what: string, start: readonly number[]])[] = [
  ["a PDF", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["a ZIP archive (or a format made of one)", [0x50, 0x4b, 0x03, 0x04]],
  ["a gzip file", [0x1f, 0x8b]],
  ["a program", [0x7f, 0x45, 0x4c, 0x46]],
  ["UTF-16 text: convert it first, with iconv say", [0xff, 0xfe]],
  ["UTF-16 text: convert it first, with iconv say", [0xfe, 0xff]],
];

/** Tells images that models read from text from everything else. `start`: some kilobytes are enough. */
export function fileKind(start: Uint8Array): FileKind {
  for (const [mediaType, magic] of IMAGES) if (startsWith(start, magic)) return { kind: "image", mediaType };
  if (startsWith(start, [0x52, 0x49, 0x46, 0x46]) && Buffer.from(start.subarray(8, 12)).toString("latin1") === "WEBP") {
    return { kind: "image", mediaType: "image/webp" };
  }
  for (const [what, magic] of BINARIES) if (startsWith(start, magic)) return { kind: "binary", what };
  return start.includes(0) ? { kind: "binary", what: "binary" } : { kind: "text" };
}

function startsWith(data: Uint8Array, magic: readonly number[]): boolean {
  return data.length >= magic.length && magic.every((byte, index) => data[index] === byte);
}
