import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { StatementReader } from "../../../src/bench/statement-reader.ts";

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function typed(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function texts(...all: readonly string[]): Buffer {
  return Buffer.concat(all.map((text) => Buffer.from(`${text}\0`)));
}

const TLS_REQUEST = Buffer.concat([int32(8), int32(80877103)]);
const greeting = texts("user", "postgres", "");
const GREETING = Buffer.concat([int32(8 + greeting.length), int32(3 << 16), greeting]);
const parse = (name: string, sql: string) => typed("P", Buffer.concat([texts(name, sql), Buffer.from([0, 0])]));
const bind = (name: string) => typed("B", Buffer.concat([texts("", name), Buffer.alloc(6)]));
const EXECUTE = typed("E", Buffer.concat([texts(""), int32(0)]));
const SYNC = typed("S", Buffer.alloc(0));
const query = (sql: string) => typed("Q", texts(sql));

/** A session: a plain query, a statement prepared once and executed twice, another one, and an unknown one. */
const SESSION = Buffer.concat([
  ...[TLS_REQUEST, GREETING, query("begin")],
  ...[parse("s1", "select 1"), bind("s1"), EXECUTE, SYNC, bind("s1"), EXECUTE, SYNC],
  ...[parse("", "update x set y = 'ä'"), bind(""), EXECUTE, SYNC, bind("gone"), EXECUTE, SYNC],
]);
const EXECUTED = ["begin", "select 1", "select 1", "update x set y = 'ä'", ""];

describe("what a client of Postgres executes", () => {
  test("is read from its bytes, prepared statements by their names", () => {
    expect(new StatementReader().take(SESSION)).toEqual(EXECUTED);
  });

  test("is the same wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: SESSION.length - 1 }), { maxLength: 20 }), (cuts) => {
        const reader = new StatementReader();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), SESSION.length];
        const read = edges.slice(1).flatMap((end, index) => reader.take(SESSION.subarray(edges[index], end)));
        expect(read).toEqual(EXECUTED);
      }),
    );
  });
});
