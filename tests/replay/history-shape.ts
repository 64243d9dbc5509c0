import { z } from "zod";

const PAYLOADS = z.object({ payloads: z.array(z.object({ data: z.string().optional() })).optional() }).optional();
const EVENT = z.looseObject({ eventType: z.string() });
const ATTRIBUTES = z.looseObject({
  activityType: z.object({ name: z.string() }).optional(),
  signalName: z.string().optional(),
  attempt: z.number().optional(),
  details: z.record(z.string(), PAYLOADS).optional(),
  input: PAYLOADS,
  scheduledEventId: z.string().optional(),
});
const LOCAL_ACTIVITY = z.object({ activity_type: z.string(), attempt: z.number() });
const HISTORY = z.object({ events: z.array(EVENT) });

/**
 * What happened in one run, an entry each: `signal look`, `look` (a local step that is done), `callModel begins`,
 * `callModel completed`, `runTool attempt 2`, `runTool cancelled by us`, `runTool failed`, `runTool timed out`, `turn` (the
 * workflow has decided something), `ended: completed`. Local steps that needed more attempts: `look attempt 3`. The
 * outcome that a run is ended with: `endRun failed`.
 */
export function historyShape(history: unknown): string[] {
  const { events } = HISTORY.parse(history);
  const names = new Map<string, string>();
  return events.flatMap((event, index) => {
    const entry = Object.entries(event).find(([key]) => key.endsWith("EventAttributes"));
    const attributes = ATTRIBUTES.parse(entry?.[1] ?? {});
    const name = names.get(attributes.scheduledEventId ?? "") ?? "";
    const kind = event.eventType.replace("EVENT_TYPE_", "");
    switch (kind) {
      case "WORKFLOW_EXECUTION_SIGNALED":
        return [`signal ${attributes.signalName}`];
      case "WORKFLOW_TASK_COMPLETED":
        return ["turn"];
      case "ACTIVITY_TASK_SCHEDULED": {
        const activity = attributes.activityType?.name ?? "";
        names.set(String(index + 1), activity);
        return [`${activity} begins`];
      }
      case "ACTIVITY_TASK_STARTED":
        return (attributes.attempt ?? 1) > 1 ? [`${name} attempt ${attributes.attempt}`] : [];
      case "ACTIVITY_TASK_CANCEL_REQUESTED":
        return [`${name} cancelled by us`];
      case "ACTIVITY_TASK_COMPLETED":
        return [`${name} completed`];
      case "ACTIVITY_TASK_FAILED":
        return [`${name} failed`];
      case "ACTIVITY_TASK_TIMED_OUT":
        return [`${name} timed out`];
      case "ACTIVITY_TASK_CANCELED":
        return [`${name} ended as cancelled`];
      case "MARKER_RECORDED":
        return localStep(attributes);
      case "WORKFLOW_EXECUTION_COMPLETED":
      case "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
      case "WORKFLOW_EXECUTION_TERMINATED":
        return [`ended: ${kind.replace("WORKFLOW_EXECUTION_", "").toLowerCase().replaceAll("_", " ")}`];
      default:
        return [];
    }
  });
}

/** Views that local steps of the run have answered, and steps on task queues too, as JSON text, in order. */
export function historyResults(history: unknown): string[] {
  return HISTORY.parse(history).events.flatMap((event) => {
    const entry = Object.entries(event).find(([key]) => key.endsWith("EventAttributes"));
    const { details, result } = z.looseObject({ details: z.unknown(), result: PAYLOADS }).parse({
      details: undefined,
      ...(entry?.[1] ?? {}),
    });
    if (event.eventType === "EVENT_TYPE_ACTIVITY_TASK_COMPLETED") return texts(result);
    if (event.eventType !== "EVENT_TYPE_MARKER_RECORDED") return [];
    return texts(z.record(z.string(), PAYLOADS).parse(details).result);
  });
}

function localStep(attributes: z.output<typeof ATTRIBUTES>): string[] {
  const [data] = texts(attributes.details?.data);
  if (data === undefined) return [];
  const { activity_type: name, attempt } = LOCAL_ACTIVITY.parse(JSON.parse(data));
  return attempt > 1 ? [name, `${name} attempt ${attempt}`] : [name];
}

function texts(payloads: z.output<typeof PAYLOADS>): string[] {
  return (payloads?.payloads ?? []).map(({ data }) => Buffer.from(data ?? "", "base64").toString());
}
