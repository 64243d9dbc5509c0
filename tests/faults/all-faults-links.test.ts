import { expect, test } from "bun:test";
import { FAULTS } from "../../src/chaos/faults.ts";
import { LINK_NAMES } from "../../src/stack/links.ts";
import { expectRotation } from "./support/rotation.ts";

const MINUTE = 60_000;
/** Each harm of each link lasts 5 s, a swallowing one 20 s. */
const ROTATION_MS = 18 * MINUTE;

test(
  "one rotation through all faults of the network loses nothing and does nothing twice",
  async () => {
    const faults = FAULTS.filter(({ act }) => act.kind === "link");
    const links = new Set(faults.map(({ act }) => (act.kind === "link" ? act.link : undefined)));
    expect([...links].sort()).toEqual([...LINK_NAMES].sort());
    await expectRotation(faults, ROTATION_MS);
  },
  ROTATION_MS + MINUTE,
);
