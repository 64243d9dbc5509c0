/**
 * The bounds of stacks on trial: those that `reliant chaos` and `reliant bench` start, harm and measure, and what they wait for
 * and keep. Milliseconds and bytes unless the name says otherwise.
 */
const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const TRIAL_LIMITS = {
  /** A server or a role of a stack that we start ourselves: from its start until it answers. Slow machines have their time. */
  stackReadyMs: 30 * SECOND,
  /** From SIGTERM to its end, above `LIMITS.drainMs`; and from SIGKILL. Beyond it the first is killed, the second is an error. */
  stackStopMs: 30 * SECOND,
  stackKillMs: 5 * SECOND,
  /** Pause between two looks at something that must become true, and time for one look over the network. */
  stackPollMs: 20,
  stackLookMs: 2 * SECOND,
  /** Characters of each output stream of a started program that are kept in memory, the newest; and of those, lines that a failure tells. */
  stackOutputCharacters: 4 * MIB,
  stackOutputLines: 30,
  /** The same of a role or a daemon of a stack, whose whole output is in its log. */
  stackRoleCharacters: 256 * KIB,
  /** Ports that are tried to find a free one. */
  stackPortTries: 100,
  /** A log of a started program; the older ones are kept as the daemon's are (`LIMITS.daemonLogFiles`). */
  stackLogFileBytes: 16 * MIB,
  /** Bytes that one direction of one proxied connection holds back; beyond it its source is not read: a TCP window. */
  toxicQueueBytes: 1 * MIB,
  /** A proxy's attempt to reach one upstream: an address that swallows packets must not hold the connection for ever. */
  toxicConnectMs: 5 * SECOND,

  /** Chaos: one request, and the longest wait between two tries. */
  chaosRequestMs: 15 * SECOND,
  chaosRetryMaxMs: 2 * SECOND,
  /** The first answer of a stack, which tells whose script its model plays. */
  chaosHelloMs: 1 * MINUTE,
  /** Turns of one chat, then a new one takes its place: the script reads the whole chat for each answer. */
  chaosTurnsPerChat: 40,
  chaosPageMessages: 50,
  /** From the end of a fault until each chat has moved, and from the last fault until each is at rest: above what Temporal and NATS wait between two tries. */
  chaosMoveMs: 90 * SECOND,
  chaosDrainMs: 2 * MINUTE,
  /** Between two faults. */
  chaosPauseMs: 1 * SECOND,
  /** How much earlier than it was counted a tool may have started (whole seconds, and a slow shell), and how much longer than planned its call may run. */
  chaosCountSlackMs: 2 * SECOND,
  chaosRunSlackMs: 10 * SECOND,
  /** What is read of one daemon's counter file: some 3 million calls. */
  chaosCounterBytes: 64 * MIB,
  /** What is kept of a result's text, and of the calls that failed the first so many are told one by one. */
  chaosToldCharacters: 300,
  chaosToldCalls: 200,
  /** A reason in the table. */
  chaosReasonCharacters: 120,
  /** The file system that is filled: room for the journal and some hundred outputs. */
  chaosSmallDiskBytes: 64 * MIB,
  /** A fault may still be felt so long after the chats have moved: a daemon is back after 5 s, everything after 10 s. Calls that fail later have no excuse. */
  chaosAftermathMs: 10 * SECOND,

  /** A measurement on a machine that is busy as well: one part, beyond which it hangs; what another process says or works off; one answer that is timed. */
  benchPartMs: 15 * MINUTE,
  benchReportMs: 4 * MINUTE,
  benchAnswerMs: 20 * SECOND,
  /** From Ctrl-C until the part under way has ended what it started and gives what it has: above `stackStopMs`. */
  benchEndMs: 45 * SECOND,
} as const;
