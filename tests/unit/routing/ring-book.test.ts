import { expect, test } from "bun:test";
import { RingBook } from "../../../src/routing/ring-book.ts";

test("everybody who asked for a call is rung, once", () => {
  const book = new RingBook(10);
  book.note("call_1", "inbox.a");
  book.note("call_1", "inbox.b");
  book.note("call_1", "inbox.a");
  expect(book.take("call_1")).toEqual(["inbox.a", "inbox.b"]);
  expect(book.take("call_1")).toEqual([]);
});

test("who was not accepted is not rung", () => {
  const book = new RingBook(10);
  book.note("call_1", "inbox.a");
  book.note("call_1", "inbox.b");
  book.forget("call_1", "inbox.a");
  expect(book.take("call_1")).toEqual(["inbox.b"]);
});

test("of too many calls the oldest is forgotten, and of too many askers of one", () => {
  const book = new RingBook(2);
  for (const id of ["call_1", "call_2", "call_3"]) book.note(id, "inbox.a");
  expect(["call_1", "call_2", "call_3"].map((id) => book.take(id).length)).toEqual([0, 1, 1]);
  for (const inbox of ["a", "b", "c", "d", "e"]) book.note("call_4", inbox);
  expect(book.take("call_4")).toEqual(["b", "c", "d", "e"]);
});
