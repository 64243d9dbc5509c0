import { z } from "zod";

const ADDRESS = z.object({ host: z.string(), port: z.int() });

/** Many daemons in one process, each with a stream of its own. */
export const DRIVER_OPTIONS = z.object({
  /** Tried in turn: the first at the start, the next after each loss. */
  gateways: z.array(ADDRESS).min(1),
  /** The number of the first daemon, and how many; their ids are made from it. */
  first: z.int(),
  count: z.int(),
  /** A file with one token a line, of all daemons from number 0; without it the token is `bench_<number>`. */
  tokensFile: z.string().optional(),
  /** Connections that are being made at once at the start; after a loss each daemon comes at its own time. */
  opening: z.int(),
  heartbeatMs: z.int(),
  /** HTTP/2 pings beside the heartbeats; 0: none. */
  pingMs: z.int(),
  resultBytes: z.int(),
});
export type DriverOptions = z.infer<typeof DRIVER_OPTIONS>;

export const DRIVER_FACTS = z.object({
  connected: z.int(),
  /** Refusals that end a daemon for good: a wrong token, another process in its place. */
  refusedForGood: z.int(),
  /** Connections that could not be made, were reset before the welcome, or ended by the server before it. */
  refusedConnections: z.int(),
  resetConnections: z.int(),
  endedByServer: z.int(),
  losses: z.int(),
});
export type DriverFacts = z.infer<typeof DRIVER_FACTS>;

export const GATEWAY_OPTIONS = z.object({ natsUrl: z.string() });

/** What a part says that listens. */
export const LISTENING = z.object({ port: z.int() });

export const BARE_OPTIONS = z.object({
  heartbeatMs: z.int(),
  /** Where requests are echoed over NATS. */
  natsUrl: z.string(),
  subject: z.string(),
});

export const CALLER_OPTIONS = z.object({
  natsUrl: z.string(),
  kind: z.enum(["hop", "nats"]),
  /** For `nats`: the subject that echoes. */
  subject: z.string().optional(),
  daemons: z.int(),
  callers: z.int(),
  /** Calls a second that are begun, evenly, with `callers` under way at most; 0: each caller begins the next as soon as it has its answer. */
  perSecond: z.number(),
  warmUpMs: z.int(),
  driveMs: z.int(),
  requestBytes: z.int(),
});
export type CallerOptions = z.infer<typeof CALLER_OPTIONS>;

export const CALLER_FACTS = z.object({
  calls: z.int(),
  perSecond: z.number(),
  failed: z.int(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
});
export type CallerFacts = z.infer<typeof CALLER_FACTS>;

/** Tokens of daemons that show none of a real store. */
export const TOKEN_PREFIX = "bench_";

export function daemonIdOf(index: number): string {
  return `dmn_bench_${index}`;
}

export function userIdOf(index: number): string {
  return `usr_bench_${index}`;
}
