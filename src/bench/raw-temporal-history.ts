import { Client, Connection, type WorkflowExecutionInfo } from "@temporalio/client";

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
  /** Of all workflows of the namespace. */
  now(): Promise<WorkflowsNow>;
}

export interface WorkflowsNow {
  readonly open: number;
  /** Of those that ended because they continue in another one. */
  readonly continued: number;
  /** Events: of the open ones, of the newest that continue, and of the newest of all. */
  readonly longestHistory: number;
}

const LOOKED_AT = 100;
const OPEN_LOOKED_AT = 20;
const OPEN = "ExecutionStatus = 'Running'";
const CONTINUED = "ExecutionStatus = 'ContinuedAsNew'";

/** What a Temporal server knows of its workflows. */
export async function openTemporalFacts(address: string, namespace: string): Promise<TemporalFacts> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  const listed = async (most: number, query?: string) => {
    const found: WorkflowExecutionInfo[] = [];
    for await (const each of client.workflow.list({ pageSize: most, ...(query === undefined ? {} : { query }) })) {
      if (found.push(each) >= most) break;
    }
    return found;
  };
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
      const [open, continued] = await Promise.all([client.workflow.count(OPEN), client.workflow.count(CONTINUED)]);
      // While one is open the list does not know how long it is.
      const describe = async ({ workflowId, runId }: WorkflowExecutionInfo) =>
        client.workflow.getHandle(workflowId, runId).describe();
      const looked = await Promise.all([
        ...[listed(LOOKED_AT), listed(LOOKED_AT, CONTINUED)],
        listed(OPEN_LOOKED_AT, OPEN).then((found) => Promise.all(found.map(describe))),
      ]);
      const lengths = looked.flat().map(({ historyLength }) => historyLength);
      return { open: open.count, continued: continued.count, longestHistory: Math.max(0, ...lengths) };
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
