import { realpath } from "node:fs/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import { createToolCatalog } from "../tools/catalog.ts";
import type { BenchDrivers } from "./bench-part.ts";
import { timeOf } from "./figures.ts";
import { fillLedger } from "./raw-big-ledger.ts";
import { openRawActs } from "./raw-parts.ts";
import { requestCalls } from "./requested-calls.ts";

const OPTIONS = z.object({
  databaseUrl: z.string(),
  natsUrl: z.string(),
  echoUrl: z.string(),
  subject: z.string(),
  folder: z.string(),
  userId: z.string(),
  daemonId: z.string(),
  root: z.string(),
  warmUpRounds: z.int(),
  rounds: z.int(),
  callsPerRound: z.int(),
  /** No call begins after this: on a machine that is busy with other things there are fewer. */
  driveMs: z.int(),
  /** Calls that stand in the ledger: at each of these sizes, in this order, some calls are measured alone. */
  ledgerSizes: z.array(z.int()),
  roundsAtSize: z.int(),
});
export type DriverOptions = z.infer<typeof OPTIONS>;

const TIMES = z.array(z.number());
/** All times in milliseconds, one for each time that it was done. */
export const DRIVER_REPORT = z.object({
  calls: TIMES,
  /** The tool alone, in the driver's process. */
  tool: TIMES,
  rawParts: z.array(z.object({ what: z.string(), times: z.int(), took: TIMES })),
  /** With how many calls in the ledger. */
  atSizes: z.array(z.object({ size: z.int(), calls: TIMES })),
});
export type DriverReport = z.infer<typeof DRIVER_REPORT>;

/** The cheapest tool of a daemon: it touches nothing but one tiny file. */
const TOOL = { name: "read_file", input: { path: "note.txt" } } as const;

/**
 * The process that asks for tool calls as a worker does, and does the raw parts between them, so that both see the same
 * machine. Says `report` with {@link DriverReport}.
 */
export async function runToolCallDriver(
  given: unknown,
  deps: { readonly drivers: BenchDrivers; readonly clock: Clock },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = OPTIONS.parse(given);
  await using cleanup = new AsyncDisposableStack();
  const nats = await deps.drivers.openNats(options.natsUrl, signal);
  cleanup.defer(() => nats.close());
  const store = await deps.drivers.openStore(options.databaseUrl, signal);
  cleanup.defer(() => store.close());
  const router = deps.drivers.openRouter(store, nats);
  cleanup.defer(() => router.close());
  const raw = cleanup.use(await openRawActs(options));
  const runTool = await toolAlone(options.root, deps.clock);

  const report: DriverReport = {
    calls: [],
    tool: [],
    rawParts: raw.acts.map(({ what, times }) => ({ what, times, took: [] })),
    atSizes: [],
  };
  const beganMs = performance.now();
  const [warmMs, endMs] = [beganMs + options.driveMs / 3, beganMs + options.driveMs];
  for (let round = 0; round < options.warmUpRounds + options.rounds && performance.now() < endMs; round++) {
    const counts = round >= options.warmUpRounds || performance.now() > warmMs;
    const keep = (into: number[], tookMs: number) => {
      if (counts) into.push(tookMs);
    };
    const { chatId, callIds } = await requestCalls(store, options.userId, options.callsPerRound, TOOL);
    // In turn, and not each in a loop of its own: then what is measured finds the processor's caches as a call does.
    for (const toolCallId of callIds) {
      if (performance.now() > endMs) break;
      keep(report.calls, await timeOf(() => callTool(router, options, chatId, toolCallId, signal)));
      for (const [index, { act }] of raw.acts.entries()) keep(report.rawParts[index]?.took ?? [], await timeOf(act));
      keep(report.tool, await timeOf(runTool));
    }
  }
  for (const wanted of options.ledgerSizes) {
    const size = await fillLedger(options.databaseUrl, wanted);
    const calls: number[] = [];
    for (let round = 0; round <= options.roundsAtSize; round++) {
      const { chatId, callIds } = await requestCalls(store, options.userId, options.callsPerRound, TOOL);
      for (const toolCallId of callIds) {
        const tookMs = await timeOf(() => callTool(router, options, chatId, toolCallId, signal));
        if (round > 0) calls.push(tookMs);
      }
    }
    report.atSizes.push({ size, calls });
  }
  say("report", report);
}

/** From here the clock runs: until the ledger has the outcome and the caller has it, too. */
async function callTool(
  router: DaemonRouter,
  { userId, daemonId, root }: DriverOptions,
  chatId: string,
  toolCallId: string,
  signal: AbortSignal,
): Promise<void> {
  const request = { toolCallId, chatId, userId, daemonId, toolName: TOOL.name };
  const call = await router.sendToolRequestSync(
    { ...request, inputJson: JSON.stringify(TOOL.input), roots: [root], timeoutMs: 60_000 },
    signal,
  );
  if (call.state !== "succeeded") {
    throw new ReliantError("internal", `call ${TOOL.name}: it is ${call.state}: ${call.result?.text}`);
  }
}

async function toolAlone(root: string, clock: Clock): Promise<() => Promise<unknown>> {
  const parsed = createToolCatalog().parse(TOOL.name, TOOL.input);
  if (parsed.kind !== "fits") throw new ReliantError("internal", `run ${TOOL.name} alone: ${parsed.text}`);
  const roots = [await realpath(root)];
  const { signal } = new AbortController();
  const context = { toolCallId: newId("call"), signal, roots, output: () => undefined, clock };
  return () => parsed.tool.run(parsed.input, context);
}
