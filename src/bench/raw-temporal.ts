import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { z } from "zod";
import { newId } from "../core/ids.ts";
import { installTemporalRuntime } from "../engine/temporal/temporal-runtime.ts";
import { timeOf } from "./figures.ts";
import { bareWorkflowCode } from "./raw-bare-workflow-code.ts";

const OPTIONS = z.object({
  address: z.string(),
  namespace: z.string(),
  warmUpRuns: z.int(),
  runs: z.int(),
  callers: z.int(),
  activities: z.int(),
  localActivities: z.int(),
});
export type BareTemporalOptions = z.infer<typeof OPTIONS>;

export const BARE_TEMPORAL = z.object({
  runsPerSecond: z.number(),
  /** From signal-with-start until it was accepted, one for each run. */
  startMs: z.array(z.number()),
});

/** Name of the workflow, and of its one activity; raw-bare-workflow.ts. */
const WORKFLOW = "bareSteps";

/**
 * A worker of the bare SDK whose activities do nothing, and the client that starts its workflows, in one process. Says
 * `bare` with {@link BARE_TEMPORAL}.
 */
export async function runBareTemporal(given: unknown, say: (word: string, value: unknown) => void): Promise<void> {
  const options = OPTIONS.parse(given);
  const { address, namespace } = options;
  installTemporalRuntime();
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const taskQueue = newId("wrk");
  const worker = await Worker.create({
    ...{ connection: native, namespace, taskQueue },
    workflowBundle: { code: await bareWorkflowCode() },
    activities: { empty: async () => undefined },
  });
  const client = new Client({ connection, namespace });
  await worker.runUntil(async () => {
    const args: [{ activities: number; localActivities: number }] = [options];
    const startMs: number[] = [];
    const drive = async (runs: number) => {
      let left = runs;
      const caller = async () => {
        while (left-- > 0) {
          const workflowId = newId("run");
          let result: Promise<unknown> = Promise.resolve();
          startMs.push(
            await timeOf(async () => {
              const handle = await client.workflow.signalWithStart(WORKFLOW, {
                ...{ workflowId, taskQueue, args, signal: "look", signalArgs: [] },
              });
              result = handle.result();
            }),
          );
          await result;
        }
      };
      await Promise.all(Array.from({ length: options.callers }, caller));
    };
    await drive(options.warmUpRuns);
    startMs.length = 0;
    const tookMs = await timeOf(() => drive(options.runs));
    say("bare", { runsPerSecond: (1000 * options.runs) / tookMs, startMs });
  });
  await connection.close();
  await native.close();
}
