import { describe, expect, test } from "bun:test";
import type { HelloAnswer, HelloClaim } from "../../../src/store/daemons.ts";
import { decideHello, type KnownDaemon } from "../../../src/store/kysely/hello-decision.ts";

/** The store knows instance `ins_a`, started for the fifth time on `jrn_1`, under epoch 7. */
const known: KnownDaemon = { userId: "usr_1", epoch: 7, instanceId: "ins_a", journalId: "jrn_1", startCount: 5 };
const fresh: KnownDaemon = { userId: "usr_1", epoch: 0, instanceId: undefined, journalId: undefined, startCount: 0 };
const claim: HelloClaim = {
  ...{ userId: "usr_1", daemonId: "dmn_1", lastEpoch: 7, instanceId: "ins_a", journalId: "jrn_1", startCount: 5 },
  ...{ gatewayId: "gtw_1", name: "laptop", labels: {}, platform: "linux-x64", version: "1" },
};
const taken = (epoch: number): HelloAnswer => ({ kind: "taken", epoch });
const told = (currentEpoch: number): HelloAnswer => ({ kind: "epoch", currentEpoch });

const ROWS: readonly (readonly [string, KnownDaemon, Partial<HelloClaim>, HelloAnswer])[] = [
  ["a daemon that nobody knows", fresh, { lastEpoch: 0, startCount: 1 }, taken(1)],
  ["one that knew another installation", fresh, { lastEpoch: 3 }, told(0)],
  ["the same instance reconnects", known, {}, taken(8)],
  ["the same instance did not hear of its last epoch", known, { lastEpoch: 6 }, told(7)],
  ["a restarted one that kept its epoch", known, { instanceId: "ins_b", startCount: 6 }, taken(8)],
  ["a restarted one that knows no epoch", known, { instanceId: "ins_b", startCount: 6, lastEpoch: 0 }, told(7)],
  ["a restarted one that died before it heard", known, { instanceId: "ins_b", startCount: 6, lastEpoch: 6 }, told(7)],
  [
    "an older instance that was replaced",
    known,
    { instanceId: "ins_0", startCount: 4, lastEpoch: 6 },
    { kind: "replaced" },
  ],
  [
    "one that was replaced by another journal's",
    known,
    { instanceId: "ins_0", journalId: "jrn_0", lastEpoch: 6 },
    { kind: "replaced" },
  ],
  ["a restored backup", known, { instanceId: "ins_b", startCount: 3, lastEpoch: 0 }, { kind: "journal" }],
  ["a restored backup that knows the epoch", known, { instanceId: "ins_b", startCount: 4 }, { kind: "journal" }],
  ["a copy of the folder that was started as often", known, { instanceId: "ins_b" }, { kind: "journal" }],
  [
    "a restored backup with its new journal id",
    known,
    { instanceId: "ins_b", journalId: "jrn_2", startCount: 1 },
    taken(8),
  ],
  ["another user's daemon", known, { userId: "usr_2" }, { kind: "identity" }],
];

describe("a daemon's hello", () => {
  for (const [what, row, changes, answer] of ROWS) {
    test(`of ${what} is answered ${answer.kind}`, () => {
      expect(decideHello(row, { ...claim, ...changes })).toEqual(answer);
    });
  }
});
