import { expect, test } from "bun:test";
import { toTemporalError } from "../../../src/engine/temporal/temporal-errors.ts";

const messageOf = (text: string) => toTemporalError(new Error(text), "find it").message;

test("what is wrong with a connection is the same text each time, without the moment and an empty note", () => {
  const said = "No connection established. Last error: Failed to connect";
  for (const moment of ["2026-11-22T16:33:07.904Z", "2026-11-22T16:33:10.643Z"]) {
    expect(messageOf(`${said} (${moment}). Resolution note: `)).toBe(`find it: ${said}`);
  }
  expect(messageOf(`${said}. Resolution note: `)).toBe(`find it: ${said}`);
  expect(messageOf(said)).toBe(`find it: ${said}`);
});

test("a note that says something stays", () => {
  const said = "Name resolution failed. Resolution note: no such host";
  expect(messageOf(said)).toBe(`find it: ${said}`);
});
