import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChatFollower, type FollowItem } from "../../../src/api/chat-follower.ts";
import type { BlockDelta, ChatUpdate, LiveBlock } from "../../../src/chat/chat-update.ts";

const begun = (sequence: number, attempt: number): ChatUpdate => ({
  chatId: "c",
  sequence,
  event: { kind: "attempt_started", messageId: "m", attempt },
});

const stands = (sequence: number, text: string): ChatUpdate => ({
  chatId: "c",
  sequence,
  event: {
    kind: "message",
    message: {
      id: "m",
      chatId: "c",
      position: 1,
      role: "assistant",
      state: "complete",
      blocks: [{ kind: "text", text }],
      createdAtMs: 0,
    },
  },
});

const delta = (offset: number, text: string, attempt = 1): BlockDelta => ({
  chatId: "c",
  messageId: "m",
  attempt,
  blockIndex: 0,
  blockKind: "text",
  offset,
  text,
});

const stored = (text: string, attempt = 1): LiveBlock => ({
  chatId: "c",
  messageId: "m",
  attempt,
  blockIndex: 0,
  blockKind: "text",
  text,
});

const texts = (items: readonly FollowItem[]) =>
  items.map((item) => (item.kind === "delta" ? `${item.delta.offset}:${item.delta.text}` : `#${item.update.sequence}`));

describe("a follower", () => {
  test("sends each number once and passes older ones over", () => {
    const follower = new ChatFollower(3);
    expect(texts(follower.takeUpdate(begun(3, 1)))).toEqual([]);
    expect(texts(follower.takeUpdate(begun(4, 1)))).toEqual(["#4"]);
    expect(texts(follower.takeUpdate(begun(4, 1)))).toEqual([]);
  });

  test("holds a delta back until the number of its attempt was sent", () => {
    const follower = new ChatFollower(0);
    expect(texts(follower.takeDelta(delta(0, "Hi")))).toEqual([]);
    expect(follower.waitsForStored).toBe(true);
    expect(texts(follower.takeUpdate(begun(1, 1)))).toEqual(["#1", "0:Hi"]);
    expect(follower.waitsForStored).toBe(false);
  });

  test("that joins in the middle of a block holds live deltas back until the stored part reaches them", () => {
    const follower = new ChatFollower(1);
    expect(texts(follower.takeDelta(delta(5, " you")))).toEqual([]);
    expect(texts(follower.takeStored([stored("Hel")]))).toEqual(["0:Hel"]);
    expect(follower.waitsForStored).toBe(true);
    expect(texts(follower.takeStored([stored("Hello")]))).toEqual(["3:lo", "5: you"]);
    expect(follower.waitsForStored).toBe(false);
  });

  test("sends nothing of a message that stands", () => {
    const follower = new ChatFollower(0);
    follower.takeUpdate(begun(1, 1));
    follower.takeDelta(delta(4, "late"));
    expect(texts(follower.takeUpdate(stands(2, "Hello")))).toEqual(["#2"]);
    expect(follower.waitsForStored).toBe(false);
    expect(texts(follower.takeDelta(delta(0, "Hello")))).toEqual([]);
    expect(texts(follower.takeStored([stored("Hello")]))).toEqual([]);
  });

  test("begins a block anew with a new attempt and drops what comes of the older one", () => {
    const follower = new ChatFollower(0);
    follower.takeUpdate(begun(1, 1));
    follower.takeDelta(delta(0, "old"));
    follower.takeUpdate(begun(2, 2));
    expect(texts(follower.takeDelta(delta(3, "er", 1)))).toEqual([]);
    expect(texts(follower.takeDelta(delta(0, "new", 2)))).toEqual(["0:new"]);
  });
});

/** The text of a block in pieces, cut between characters, with the UTF-8 offset of each. */
const pieces = fc
  .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 })
  .map((parts) => {
    let offset = 0;
    return parts.map((text) => {
      const piece = delta(offset, text);
      offset += Buffer.byteLength(text);
      return piece;
    });
  });

test("whatever is lost, doubled or late, a client's text of a block is the beginning of the block, each byte once", () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 60 }), (all, steps) => {
      const whole = all.map((piece) => piece.text).join("");
      const follower = new ChatFollower(0);
      let got = "";
      const take = (items: readonly FollowItem[]) => {
        for (const item of items) {
          if (item.kind !== "delta") continue;
          expect(item.delta.offset).toBe(Buffer.byteLength(got));
          got += item.delta.text;
        }
        expect(whole.startsWith(got)).toBe(true);
      };
      take(follower.takeUpdate(begun(1, 1)));
      for (const [pick, fromStore] of steps) {
        const index = pick % all.length;
        const piece = all[index];
        if (fromStore)
          take(
            follower.takeStored([
              stored(
                all
                  .slice(0, index + 1)
                  .map((one) => one.text)
                  .join(""),
              ),
            ]),
          );
        else if (piece !== undefined) take(follower.takeDelta(piece));
      }
      take(follower.takeStored([stored(whole)]));
      expect(got).toBe(whole);
      expect(follower.waitsForStored).toBe(false);
    }),
  );
});
