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

  test("holds a newer attempt's text back though older text comes meanwhile", () => {
    const follower = new ChatFollower(0);
    expect(texts(follower.takeUpdate(begun(1, 1)))).toEqual(["#1"]);
    expect(texts(follower.takeDelta(delta(0, "other words", 2)))).toEqual([]);
    expect(texts(follower.takeStored([stored("old")]))).toEqual(["0:old"]);
    expect(texts(follower.takeUpdate(begun(2, 2)))).toEqual(["#2", "0:other words"]);
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

test("however attempts overlap, what a client has is the beginning of the newest one that it was sent of", () => {
  const attempts = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }), {
    minLength: 2,
    maxLength: 4,
  });
  const steps = fc.array(fc.tuple(fc.constantFrom("delta", "stored", "begun"), fc.nat(), fc.nat()), { maxLength: 60 });
  fc.assert(
    fc.property(attempts, steps, (texts, all) => {
      const follower = new ChatFollower(0);
      let [current, got, begins] = [0, "", 0];
      const take = (items: readonly FollowItem[]) => {
        for (const item of items) {
          const attempt = item.kind === "delta" ? item.delta.attempt : ++begins;
          if (attempt !== current || item.kind === "update") got = "";
          if (item.kind === "delta") expect(attempt).toBeGreaterThanOrEqual(current);
          current = attempt;
          if (item.kind === "update") continue;
          expect(item.delta.offset).toBe(Buffer.byteLength(got));
          got += item.delta.text;
          expect(texts[attempt - 1]?.startsWith(got)).toBe(true);
        }
      };
      for (const [kind, pick, cut] of all) {
        const attempt = (pick % texts.length) + 1;
        const characters = [...(texts[attempt - 1] ?? "")];
        const before = characters.slice(0, cut % characters.length).join("");
        const piece = characters.slice(cut % characters.length).join("");
        if (kind === "delta") take(follower.takeDelta(delta(Buffer.byteLength(before), piece, attempt)));
        if (kind === "stored") take(follower.takeStored([stored(before, attempt)]));
        if (kind === "begun" && begins < texts.length) take(follower.takeUpdate(begun(begins + 1, begins + 1)));
      }
    }),
  );
});
