import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReadyReader } from "../../../src/bench/ready-reader.ts";

function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

/** Rows that hold what looks like an answer, and an empty message. */
const ANSWERS = Buffer.concat([
  ...[message("R", "auth"), message("Z", "I"), message("n", ""), message("D", "ZZ\u0000\u0000\u0000\u0005T")],
  ...[message("Z", "T"), message("E", "broken"), message("Z", "E"), message("C", "COMMIT"), message("Z", "I")],
]);

describe("when a server of Postgres is ready again", () => {
  test("is read from its bytes, wherever they are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: ANSWERS.length - 1 }), { maxLength: 20 }), (cuts) => {
        const reader = new ReadyReader();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), ANSWERS.length];
        const read = edges.slice(1).flatMap((end, index) => reader.take(ANSWERS.subarray(edges[index], end)));
        expect(read).toEqual(["idle", "in_transaction", "failed_transaction", "idle"]);
      }),
    );
  });
});
