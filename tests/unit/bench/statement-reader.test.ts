import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ExecutedStatement, StatementReader } from "../../../src/bench/statement-reader.ts";

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
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
/** No formats; then each value with its length, -1 for null; no formats of the answer. */
function bind(name: string, values: readonly (string | null)[] = []): Buffer {
  const bound = values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), value]));
  return typed("B", Buffer.concat([texts("", name), int16(0), int16(values.length), ...bound.map(bytesOf), int16(0)]));
}
const bytesOf = (part: string | Buffer) => (typeof part === "string" ? Buffer.from(part) : part);
const EXECUTE = typed("E", Buffer.concat([texts(""), int32(0)]));
const SYNC = typed("S", Buffer.alloc(0));
const query = (sql: string) => typed("Q", texts(sql));

/** A session: a plain query, a statement prepared once and executed twice, another one, and an unknown one. */
const SESSION = Buffer.concat([
  ...[TLS_REQUEST, GREETING, query("begin")],
  ...[parse("s1", "select 1"), bind("s1", ["ä", null, ""]), EXECUTE, SYNC, bind("s1"), EXECUTE, SYNC],
  ...[parse("", "update x set y = 'ä'"), bind(""), EXECUTE, SYNC, bind("gone"), EXECUTE, SYNC],
]);
const EXECUTED_TEXTS = ["begin", "select 1", "select 1", "update x set y = 'ä'", ""];

describe("what a client of Postgres executes", () => {
  test("is read from its bytes, prepared statements by their names", () => {
    const reader = new StatementReader();
    const executed = reader.take(SESSION);
    expect(executed.map(({ text }) => text)).toEqual(EXECUTED_TEXTS);
    expect(executed.map((statement) => statement.values())).toEqual([[], ["ä", null, ""], [], [], []]);
  });

  test("is asked for an answer once for each plain query and each sync", () => {
    const reader = new StatementReader();
    reader.take(SESSION);
    expect(reader.asked).toBe(5);
  });

  test("is the same wherever the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: SESSION.length - 1 }), { maxLength: 20 }), (cuts) => {
        const reader = new StatementReader();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), SESSION.length];
        const read = edges
          .slice(1)
          .flatMap((end, index): ExecutedStatement[] => reader.take(SESSION.subarray(edges[index], end)));
        expect(read.map(({ text }) => text)).toEqual(EXECUTED_TEXTS);
      }),
    );
  });
});
