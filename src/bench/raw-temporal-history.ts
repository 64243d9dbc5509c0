import { Client, Connection } from "@temporalio/client";

/** What one execution of a workflow has cost, by its history. */
export interface HistoryFacts {
  readonly events: number;
  readonly activities: number;
  readonly localActivities: number;
  readonly workflowTasks: number;
  readonly ended: boolean;
}

export interface TemporalFacts extends AsyncDisposable {
  /** Of the newest execution with this id. */
  historyOf(workflowId: string): Promise<HistoryFacts>;
  /** Executions that are open, and the longest history among the newest 100, most of which have ended: only then it is told. */
  now(): Promise<{ readonly open: number; readonly longestHistory: number }>;
}

const LOOKED_AT = 100;

/** What a Temporal server knows of its workflows. */
export async function openTemporalFacts(address: string, namespace: string): Promise<TemporalFacts> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  return {
    historyOf: async (workflowId) => {
      const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
      const list = events ?? [];
      return {
        events: list.length,
        activities: list.filter((event) => event.activityTaskScheduledEventAttributes != null).length,
        // The SDK marks what a local activity gave; our workflows make no other markers.
        localActivities: list.filter((event) => event.markerRecordedEventAttributes != null).length,
        workflowTasks: list.filter((event) => event.workflowTaskCompletedEventAttributes != null).length,
        ended: list.at(-1)?.workflowExecutionCompletedEventAttributes != null,
      };
    },
    now: async () => {
      const { count } = await client.workflow.count("ExecutionStatus = 'Running'");
      let longestHistory = 0;
      let looked = 0;
      for await (const { historyLength } of client.workflow.list({ pageSize: LOOKED_AT })) {
        longestHistory = Math.max(longestHistory, historyLength);
        looked++;
        if (looked >= LOOKED_AT) break;
      }
      return { open: count, longestHistory };
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
