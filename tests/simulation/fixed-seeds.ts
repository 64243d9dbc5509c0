/** Steps under faults of each fixed run. */
export const FIXED_STEPS = 8_000;

/**
 * What `simulation.test.ts` runs each time: the code as it is passes them. Together they must meet every kind of fault and
 * reach what `MUST_BE_REACHED` names; the last three are monoliths in which many tools run while journals are put back.
 */
export const FIXED_SEEDS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 23, 64, 84, 32, 48, 56];
