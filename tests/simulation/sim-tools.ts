import { z } from "zod";
import type { ToolSet } from "../../src/activities/activity-deps.ts";
import type { MachineTools } from "../../src/daemon/tool-input.ts";
import type { Tool, ToolContext } from "../../src/tools/tool.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import type { Life } from "./life.ts";
import type { JournalListener } from "./sim-journal.ts";
import type { World } from "./world.ts";

const INPUT = z.object({ workMs: z.number(), lines: z.number(), fails: z.boolean() });
type Input = z.output<typeof INPUT>;

/** Time that the tool has. Some of its work takes longer. */
const TOOL_MS = 20_000;

const NAMES = ["probe", "note", "forbidden"];

/**
 * The tools of the run: `probe` works on a daemon, `note` in the worker, `forbidden` nowhere: policy.yaml denies it. Each start is counted by the world, outside the
 * ledger, and what it says names the start.
 */
export class SimTools implements JournalListener {
  /** Calls that run now, and are not noted as ended. */
  private readonly underWay = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly ledger: LedgerWatch,
  ) {}

  /** From here to the end in its journal, a process that goes away leaves the call's end unknown. */
  started(toolCallId: string, life: Life): void {
    this.underWay.add(toolCallId);
    life.whenEnded(() => {
      if (this.underWay.delete(toolCallId)) this.ledger.lost(toolCallId);
    });
  }

  finished(toolCallId: string): void {
    this.underWay.delete(toolCallId);
  }

  acked(toolCallId: string): void {
    this.ledger.acked(toolCallId);
  }

  forgotten(toolCallId: string): void {
    this.ledger.lost(toolCallId);
  }

  /** The tools as one process has them. */
  of(life: Life): MachineTools & ToolSet {
    const tools = new Map(NAMES.map((name) => [name, this.tool(name, life)]));
    return {
      names: NAMES,
      descriptions: NAMES.map((name) => ({ name, description: name, inputSchema: {} })),
      parse: (name, input) => {
        const tool = tools.get(name);
        const read = INPUT.safeParse(input);
        if (tool === undefined || !read.success) return { kind: "unfit", text: `there is no such tool: ${name}` };
        return { kind: "fits", tool, input: read.data };
      },
    };
  }

  private tool(name: string, life: Life): Tool {
    const runsOn = name === "note" ? "server" : "daemon";
    return {
      ...{ name, description: name, inputSchema: INPUT, runsOn },
      timeoutMs: () => TOOL_MS,
      run: (input, context) => this.run({ life, runsOn }, INPUT.parse(input), context),
    };
  }

  private async run({ life, runsOn }: { life: Life; runsOn: Tool["runsOn"] }, input: Input, context: ToolContext) {
    const { toolCallId, signal, clock } = context;
    const { world, ledger } = this;
    ledger.started(toolCallId, life.name);
    if (runsOn === "daemon" && !this.underWay.has(toolCallId)) ledger.startedUnjournalled(toolCallId);
    // In a worker there is no journal: what ends with its process is lost.
    if (runsOn === "server") this.started(toolCallId, life);
    if (signal.aborted) ledger.told(toolCallId);
    signal.addEventListener("abort", () => ledger.told(toolCallId), { once: true });
    const deaf = world.faults.hits("tool: does not end when told");
    for (let line = 0; line < input.lines; line++) {
      if (signal.aborted && !deaf) break;
      context.output(line % 2 === 0 ? "stdout" : "stderr", new TextEncoder().encode(`line ${line} é\n`));
      await clock.sleep(input.workMs / input.lines, deaf ? undefined : signal).catch(() => undefined);
    }
    const said = `${toolCallId} did its work at ${world.nowMs.toFixed(3)} in ${life.name}`;
    if (!signal.aborted) ledger.ended(toolCallId, said, input.fails);
    return { text: said, isError: input.fails };
  }
}
