/** One rule taken out of the code, as a plausible mistake would. */
export interface Mutation {
  /** The patch's file, in this folder. */
  readonly patch: string;
  /** The rule that it takes away. */
  readonly rule: string;
  /** The invariant of README.md that does not hold then. */
  readonly breaks: string;
  /** Steps under faults of each run. */
  readonly steps: number;
  /** Tried in this order: the first one finds it now, the others may where the code has moved. */
  readonly seeds: readonly number[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    patch: "gateway-cas-without-the-epoch.patch",
    rule: "a gateway's compare-and-set asks that the daemon's epoch is its own",
    breaks: "old-epoch-has-no-effect",
    steps: 3_000,
    seeds: [115, 126, 158, 220],
  },
  {
    patch: "disconnect-without-the-epoch.patch",
    rule: "a gateway marks a daemon only while it holds the epoch",
    breaks: "old-epoch-has-no-effect",
    steps: 8_000,
    seeds: [1, 6],
  },
  {
    patch: "ack-before-the-ledger.patch",
    rule: "the ledger has the result before the daemon is told that it has",
    breaks: "one-execution",
    steps: 8_000,
    seeds: [8, 4],
  },
  {
    patch: "queue-group-of-the-documents.patch",
    rule: "a gateway subscribes to the daemons that it holds, not to all of them in a queue group",
    breaks: "works-again",
    steps: 8_000,
    seeds: [2, 1, 3, 5],
  },
  {
    patch: "start-not-journalled.patch",
    rule: "the journal says that a call starts before it does",
    breaks: "one-execution",
    steps: 8_000,
    seeds: [4, 3, 1],
  },
  {
    patch: "results-not-told-again.patch",
    rule: "a result is told until it is acked",
    breaks: "comes-to-rest",
    steps: 4_000,
    seeds: [2, 3],
  },
  {
    patch: "answer-settled-twice.patch",
    rule: "an attempt writes the answer only while the answer is open and the fence its own",
    breaks: "comes-to-rest",
    steps: 8_000,
    seeds: [2, 5, 7],
  },
  {
    patch: "outbox-cleared-before-the-engine-is-told.patch",
    rule: "an outbox row stays until the engine has been told",
    breaks: "nobody-stuck",
    steps: 8_000,
    seeds: [1, 2, 3],
  },
  {
    patch: "held-text-sent-at-once.patch",
    rule: "live text behind a hole waits until the hole is filled",
    breaks: "live-text-without-gap",
    steps: 8_000,
    seeds: [2, 1, 3],
  },
  {
    patch: "stream-reads-before-it-subscribes.patch",
    rule: "a stream subscribes first and reads the store then; each replica polls the last numbers",
    breaks: "comes-to-rest",
    steps: 8_000,
    seeds: [4, 1, 2, 3],
  },
  {
    patch: "started-here-by-somebody-else.patch",
    rule: "a worker runs a tool only where its compare-and-set started it",
    breaks: "one-execution",
    steps: 8_000,
    seeds: [4, 1, 3, 6],
  },
  {
    patch: "another-journal-is-granted.patch",
    rule: "a call that runs is not granted to another journal",
    breaks: "one-execution",
    steps: 3_000,
    // Monoliths: they do the most work in the same steps.
    seeds: [24, 32],
  },
  {
    patch: "another-process-is-granted.patch",
    rule: "a call that runs is granted only to the process that was granted it: its journal may have been put back",
    breaks: "one-execution",
    steps: 3_000,
    seeds: [24, 32],
  },
  {
    patch: "run-watch-never-sees-the-same.patch",
    rule: "a run that the engine has lost is found and told to it again",
    breaks: "comes-to-rest",
    steps: 8_000,
    seeds: [5, 11],
  },
  {
    patch: "result-delivered-twice.patch",
    rule: "the result of a call is written into its chat once",
    breaks: "nothing-lost",
    steps: 8_000,
    seeds: [1, 2],
  },
  {
    patch: "resumed-stream-begins-at-the-newest.patch",
    rule: "a stream goes on from the number that its client has",
    breaks: "transcript-prefix",
    steps: 8_000,
    seeds: [3, 2, 1, 4],
  },
  {
    patch: "another-attempt-is-not-waited-for.patch",
    rule: "what another attempt has started is waited for up to its deadline",
    breaks: "unknown-only-where-allowed",
    steps: 8_000,
    seeds: [9, 19, 97, 108],
  },
  {
    patch: "acked-call-stays-open.patch",
    rule: "a gateway lets a call go once its result is in the ledger",
    breaks: "queues-bounded",
    steps: 8_000,
    seeds: [2, 1],
  },
  {
    patch: "lost-stream-is-nobodys-error.patch",
    rule: "the error of a stream that is cut belongs to somebody",
    breaks: "no-promise-is-lost",
    steps: 8_000,
    seeds: [1, 2, 3],
  },
  {
    patch: "ended-call-is-granted.patch",
    rule: "a call that has its outcome is granted to nobody",
    breaks: "one-execution",
    steps: 4_000,
    seeds: [48, 72],
  },
  {
    patch: "ended-call-is-not-withdrawn.patch",
    rule: "a daemon that asks for a call that has ended is told so",
    breaks: "comes-to-rest",
    steps: 4_000,
    seeds: [52, 44, 56],
  },
  {
    patch: "asked-again-is-unknown.patch",
    rule: "the process that was granted a call is granted it again when it asks again",
    breaks: "unknown-only-where-allowed",
    steps: 8_000,
    seeds: [8, 7, 11],
  },
];
