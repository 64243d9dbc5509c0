import { describe, expect, test } from "bun:test";
import { agreeOnProtocol, OUR_PROTOCOL, protocolRange, protocolText } from "../../../src/routing/daemon-protocol.ts";

describe("two sides that speak ranges of the protocol", () => {
  test.each([
    [
      { min: 1, max: 1 },
      { min: 1, max: 1 },
      { kind: "agreed", version: 1 },
    ],
    [
      { min: 1, max: 2 },
      { min: 1, max: 1 },
      { kind: "agreed", version: 1 },
    ],
    [
      { min: 1, max: 1 },
      { min: 1, max: 2 },
      { kind: "agreed", version: 1 },
    ],
    [
      { min: 2, max: 4 },
      { min: 1, max: 3 },
      { kind: "agreed", version: 3 },
    ],
    [{ min: 2, max: 3 }, { min: 1, max: 1 }, { kind: "peer_too_old" }],
    [{ min: 1, max: 1 }, { min: 2, max: 3 }, { kind: "we_too_old" }],
  ] as const)("%j and %j: %j", (ours, theirs, agreement) => {
    expect(agreeOnProtocol(ours, theirs)).toEqual(agreement);
  });

  test("the range of a side that names one version only is that version", () => {
    expect(protocolRange(1, 0)).toEqual({ min: 1, max: 1 });
    expect(protocolRange(3, 2)).toEqual({ min: 2, max: 3 });
    expect(protocolRange(1, 7)).toEqual({ min: 1, max: 1 });
  });

  test("this release speaks a range that is one, from 1 at least", () => {
    expect(OUR_PROTOCOL.min).toBeGreaterThanOrEqual(1);
    expect(OUR_PROTOCOL.max).toBeGreaterThanOrEqual(OUR_PROTOCOL.min);
    expect([protocolText({ min: 1, max: 1 }), protocolText({ min: 1, max: 2 })]).toEqual([
      "protocol 1",
      "protocols 1 to 2",
    ]);
  });
});
