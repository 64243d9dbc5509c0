import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CharacterSplitter } from "../../../src/tools/character-splitter.ts";
import { OutputWindow } from "../../../src/tools/output-window.ts";

function windowOf(maxBytes: number, ...pieces: readonly (string | Uint8Array)[]) {
  const window = new OutputWindow(maxBytes);
  for (const piece of pieces) window.push(typeof piece === "string" ? Buffer.from(piece) : piece);
  return { ...window.text(), totalBytes: window.totalBytes };
}

describe("a window on output", () => {
  test("shows all that fits", () => {
    expect(windowOf(10, "abc", "", "defghij")).toEqual({
      text: "abcdefghij",
      leftOutBytes: 0,
      leftOutLines: 0,
      totalBytes: 10,
    });
  });

  test("shows head and tail of more, and counts what is between", () => {
    expect(windowOf(8, "head", "1\n2\n3\n", "tail")).toEqual({
      text: "head\n[… 6 bytes, 3 lines left out …]\ntail",
      leftOutBytes: 6,
      leftOutLines: 3,
      totalBytes: 14,
    });
  });

  test("cuts between characters", () => {
    const { text, leftOutBytes } = windowOf(8, "ab😀", "x".repeat(20), "😀yz");
    expect(text).toBe("ab\n[… 28 bytes, 0 lines left out …]\nyz");
    expect(leftOutBytes).toBe(28);
  });

  test("shows bytes that are no characters as such", () => {
    expect(windowOf(8, new Uint8Array([0x61, 0xff, 0xfe, 0x62])).text).toBe("a\uFFFD\uFFFDb");
  });

  test("counts what it leaves out of binary output, whose text is longer than its bytes", () => {
    const { text, leftOutBytes } = windowOf(60, new Uint8Array(1000), new Uint8Array(1000).fill(0xff));
    expect(text).toBe(`${"\uFFFD".repeat(10)}\n[… 1980 bytes, 0 lines left out …]\n${"\uFFFD".repeat(10)}`);
    expect(leftOutBytes).toBe(1980);
    expect(windowOf(60, new Uint8Array(40)).leftOutBytes).toBe(20);
  });

  test("never gives more text than its size, but for the mark", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 8, max: 128 }), (data, maxBytes) => {
        const { text } = windowOf(maxBytes, data);
        const shown = text.replace(/\n\[… \d+ bytes, \d+ lines left out …\]\n/, "");
        expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });

  test("is the same however the output is cut into pieces", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.nat(40), { maxLength: 20 }),
        fc.integer({ min: 2, max: 64 }),
        (data, cuts, maxBytes) => {
          const pieces: Uint8Array[] = [];
          let at = 0;
          for (const cut of cuts) {
            pieces.push(data.subarray(at, at + cut));
            at = Math.min(data.length, at + cut);
          }
          pieces.push(data.subarray(at));
          expect(windowOf(maxBytes, ...pieces)).toEqual(windowOf(maxBytes, data));
          expect(windowOf(maxBytes, data).totalBytes).toBe(data.length);
        },
      ),
    );
  });

  test("keeps every byte of text in its counts", () => {
    fc.assert(
      fc.property(
        // Without the sign that is shown for what is no character: here it would have to come from us.
        fc.string({ unit: "grapheme", maxLength: 200 }).map((text) => text.replaceAll("\uFFFD", "")),
        fc.integer({ min: 8, max: 64 }),
        (text, maxBytes) => {
          const shown = windowOf(maxBytes, text);
          const kept = shown.text.replace(/\n\[… \d+ bytes, \d+ lines left out …\]\n/, "");
          expect(Buffer.byteLength(kept) + shown.leftOutBytes).toBe(Buffer.byteLength(text));
          expect(kept).not.toContain("\uFFFD");
        },
      ),
    );
  });
});

describe("a splitter of characters", () => {
  test("gives whole characters only, and all bytes in the end", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 5 }), (text, size) => {
        const splitter = new CharacterSplitter();
        const bytes = Buffer.from(text);
        let joined = "";
        for (let at = 0; at < bytes.length; at += size) {
          joined += new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
            splitter.push(bytes.subarray(at, at + size)),
          );
        }
        expect(joined).toBe(text);
        expect(splitter.rest()).toHaveLength(0);
      }),
    );
  });

  test("gives back what never became a character", () => {
    const splitter = new CharacterSplitter();
    expect(splitter.push(new Uint8Array([0x61, 0xe2, 0x82]))).toEqual(new Uint8Array([0x61]));
    expect(splitter.rest()).toEqual(new Uint8Array([0xe2, 0x82]));
  });
});
