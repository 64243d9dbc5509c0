import { ReliantError } from "../core/errors.ts";
import type { Figure, Growth, PartReport, Spread } from "./figures.ts";
import type { FirstBytes } from "./first-byte.ts";
import type { KeptStreams } from "./stream-holder.ts";

/** What was measured with so many streams open. */
export interface AtSize {
  readonly size: number;
  readonly megabytes: number;
  readonly corePercent: number;
  readonly accepted: Spread;
  /** Of the API server, its share of the answer's run included, beyond what the streams take idle. */
  readonly processorMsPerMessage: number;
}

export interface ApiFacts {
  readonly idleMb: number;
  readonly points: readonly AtSize[];
  readonly quiet: FirstBytes;
  readonly loaded: FirstBytes;
  /** The same rows by a bare client. */
  readonly bare: Spread;
  /** Memory of a stream in a bare program. */
  readonly bareKb: number;
  /** Streams that stood from their opening until all was measured. */
  readonly kept: KeptStreams;
  /** Messages that were sent at once. */
  readonly senders: number;
}

export function apiReport({ idleMb, points, quiet, loaded, bare, bareKb, kept, senders }: ApiFacts): PartReport {
  const last = points.at(-1);
  if (last === undefined) throw new ReliantError("internal", "measure the API: nothing was measured");
  const growth = (id: string, what: string, unit: string, mayBe: Growth["mayBe"], value: (at: AtSize) => number) => ({
    ...{ id: `api.${id}`, what, unit, mayBe, of: "streams" },
    points: points.map((at) => ({ size: at.size, value: value(at) })),
  });
  const rows = "the same rows by a bare client";
  const figures: Figure[] = [
    { id: "api.streams", what: "live update streams on one API server, open to the end", value: kept.open, unit: "" },
    {
      ...{ id: "api.kb_per_stream", what: "memory of one of them" },
      ...{ value: (1000 * (last.megabytes - idleMb)) / last.size, unit: "KB" },
      raw: { what: "a bare connect-node stream", value: bareKb },
    },
    { id: "api.core_percent", what: "processor with all of them, idle", value: last.corePercent, unit: "% of a core" },
    {
      ...{ id: "api.accepted_p50_ms", what: `message accepted, ${senders} at once, p50` },
      ...{ value: last.accepted.p50, unit: "ms" },
      raw: { what: rows, value: bare.p50 },
    },
    {
      ...{ id: "api.accepted_p99_ms", what: "message accepted, p99", value: last.accepted.p99, unit: "ms" },
      raw: { what: rows, value: bare.p99 },
    },
    {
      ...{ id: "api.processor_ms", what: "processor of the API for one message and its answer" },
      ...{ value: last.processorMsPerMessage, unit: "ms" },
    },
    {
      ...{
        id: "api.first_byte_p50_ms",
        what: "first model byte to the screen, p50",
        value: quiet.ours.p50,
        unit: "ms",
      },
      raw: { what: "the provider's byte to a bare client", value: quiet.bare.p50 },
    },
    {
      ...{ id: "api.first_byte_p99_ms", what: "first model byte to the screen, p99" },
      ...{ value: quiet.ours.p99, unit: "ms" },
      raw: { what: "the provider's byte to a bare client", value: quiet.bare.p99 },
    },
    {
      ...{ id: "api.first_byte_loaded_p50_ms", what: "first model byte to the screen beside all the streams, p50" },
      ...{ value: loaded.ours.p50, unit: "ms" },
      raw: { what: "the provider's byte to a bare client", value: loaded.bare.p50 },
    },
    {
      ...{ id: "api.first_byte_loaded_p99_ms", what: "first model byte to the screen beside all the streams, p99" },
      ...{ value: loaded.ours.p99, unit: "ms" },
      raw: { what: "the provider's byte to a bare client", value: loaded.bare.p99 },
    },
  ];
  return {
    figures,
    notes: kept.lost === 0 ? [] : [`api: ${kept.lost} of the streams did not stay open: ${kept.reason}`],
    growths: [
      growth("memory_growth", "API server, memory", "MB", "linear", ({ megabytes }) => megabytes - idleMb),
      growth("core_growth", "API server, processor", "% of a core", "linear", ({ corePercent }) => corePercent),
      growth("accepted_growth", "message accepted, p50", "ms", "flat", ({ accepted }) => accepted.p50),
      growth("processor_growth", "API server, processor a message", "ms", "flat", (at) => at.processorMsPerMessage),
    ],
  };
}
