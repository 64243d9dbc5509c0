import { killStrays } from "../tools/process-group.ts";
import { OutputFiles } from "./output-files.ts";
import { type ConfinedRoots, confineRoots } from "./roots.ts";

/** The whole outputs of tools on this machine's disk. */
export type Outputs = Pick<OutputFiles, "pathOf" | "tidy">;

/** What the daemon uses of its machine beside its journal and its tools. The simulation puts a machine of its own in. */
export interface Machine {
  /** Throws what the disk says. */
  openOutputs(): Promise<Outputs>;
  /** Ends what a call that was lost with its process has left running. */
  killStrays(toolCallId: string): Promise<void>;
  /** The folders that a call may touch; see {@link confineRoots}. */
  confineRoots(asked: readonly string[], limits: readonly (readonly string[])[]): Promise<ConfinedRoots>;
}

/** The machine that this process runs on. `outputsFolder`: where the whole outputs of tools are kept. */
export function thisMachine(outputsFolder: string): Machine {
  return {
    openOutputs: () => OutputFiles.open(outputsFolder),
    killStrays,
    confineRoots,
  };
}
