import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LinkName } from "../../../src/stack/links.ts";
import type { StackDaemon } from "../../../src/stack/stack-daemon.ts";
import type { ToxicDirection } from "../../../src/stack/toxics.ts";
import { countsIn } from "./counts.ts";
import type { FaultStack } from "./fault-stack.ts";
import { journalState } from "./journal-peek.ts";

/** A chat with one tool call under way. */
export interface Probe {
  readonly world: FaultStack;
  readonly daemon: StackDaemon;
  readonly chatId: string;
  readonly mark: string;
}

/** A moment in the life of a tool call, and how it is held there. */
export interface Moment {
  readonly name: string;
  /** What is held, and from when on: from the first, before the message is sent; or when the model answers, or the tool runs. */
  readonly hold?: { readonly link: LinkName; readonly directions: readonly ToxicDirection[]; readonly from: Phase };
  /** The tool may end before the moment. */
  readonly toolEnds: boolean;
  isReached(probe: Probe): Promise<boolean>;
}

export type Phase = "before" | "answering" | "tool runs";

const BOTH: readonly ToxicDirection[] = ["upstream", "downstream"];

export const MOMENTS: readonly Moment[] = [
  {
    name: "requested",
    // The worker cannot tell Temporal that the answer stands, so nobody takes the call up.
    hold: { link: "worker-temporal", directions: BOTH, from: "answering" },
    toolEnds: true,
    isReached: async (probe) => (await callOf(probe))?.state === "requested",
  },
  {
    name: "dispatched, its offer on the way",
    hold: { link: "daemon-gateway", directions: ["downstream"], from: "before" },
    toolEnds: true,
    isReached: async (probe) => (await callOf(probe))?.state === "dispatched",
  },
  {
    name: "dispatched, offered to the daemon",
    hold: { link: "daemon-gateway", directions: ["upstream"], from: "before" },
    toolEnds: true,
    isReached: async (probe) => {
      const call = await callOf(probe);
      return call?.state === "dispatched" && (await inJournal(probe, call.id)) === "offered";
    },
  },
  {
    name: "running",
    toolEnds: false,
    isReached: toolRuns,
  },
  {
    name: "done, its result on the way",
    hold: { link: "daemon-gateway", directions: ["upstream"], from: "tool runs" },
    toolEnds: true,
    isReached: async (probe) => {
      const call = await callOf(probe);
      return call?.state === "running" && (await inJournal(probe, call.id)) === "result";
    },
  },
  {
    name: "done and not acknowledged",
    hold: { link: "daemon-gateway", directions: ["downstream"], from: "tool runs" },
    toolEnds: true,
    isReached: async (probe) => {
      const call = await callOf(probe);
      return call?.state === "succeeded" && (await inJournal(probe, call.id)) === "result";
    },
  },
];

/** Lets the tool of the mark end. */
export function letToolEnd(daemon: StackDaemon, mark: string): Promise<void> {
  return writeFile(join(daemon.root, `go-${mark}`), "");
}

export async function toolRuns(probe: Probe): Promise<boolean> {
  const call = await callOf(probe);
  return call?.state === "running" && (await countsIn(probe.daemon.root)).has(probe.mark);
}

/** Holds what goes through the link; what this gives lets it go. */
export function holdLink(world: FaultStack, link: LinkName, directions: readonly ToxicDirection[]): () => void {
  const releases = directions.map((direction) => world.link(link).addToxic({ direction, kind: "timeout", afterMs: 0 }));
  return () => {
    for (const release of releases) release();
  };
}

async function callOf({ world, chatId }: Probe) {
  const [call] = await world.ledger.calls(chatId);
  return call;
}

function inJournal({ daemon }: Probe, toolCallId: string): Promise<string | undefined> {
  return journalState(daemon.dataDir, toolCallId);
}
