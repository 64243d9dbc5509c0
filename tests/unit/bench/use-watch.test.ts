import { expect, test } from "bun:test";
import { UseWatch } from "../../../src/bench/use-watch.ts";

test("of a database's sessions as many are busy as wait for an answer or are in a transaction", () => {
  const use = new UseWatch(() => 0);
  const [first, second, third] = [use.opened(), use.opened(), use.opened()];
  first.answered("idle");
  first.asked(1);
  first.answered("in_transaction");
  second.asked(1);
  second.answered("idle");
  expect(use.take()).toMatchObject({ mostOpen: 3, mostBusy: 2 });
  third.asked(1);
  third.closed();
  expect(use.take()).toMatchObject({ mostOpen: 3, mostBusy: 2 });
  first.asked(2);
  first.answered("idle");
  use.take();
  expect(use.take()).toEqual({ mostOpen: 2, mostBusy: 0, longestMs: 0 });
});

test("the longest wait is from the moment that something was sent, also behind another one, to its answer", () => {
  let nowMs = 0;
  const use = new UseWatch(() => nowMs);
  const session = use.opened();
  session.asked(1);
  nowMs = 5;
  session.asked(2);
  nowMs = 20;
  session.answered("idle");
  nowMs = 27;
  session.answered("idle");
  expect(use.take().longestMs).toBe(22);
  expect(use.take().longestMs).toBe(0);
});
