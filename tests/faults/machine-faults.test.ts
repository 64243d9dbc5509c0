import { test } from "bun:test";
import { FAULTS } from "../../src/chaos/faults.ts";
import { expectRotation } from "./support/rotation.ts";

const MINUTE = 60_000;
/** The servers that are away take a minute each. */
const ROTATION_MS = 15 * MINUTE;

test(
  "one rotation through all faults of processes, servers, disks and descriptors loses nothing and does nothing twice",
  () =>
    expectRotation(
      FAULTS.filter(({ act }) => act.kind !== "link"),
      ROTATION_MS,
    ),
  ROTATION_MS + MINUTE,
);
