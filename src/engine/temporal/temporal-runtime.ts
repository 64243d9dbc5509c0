import { type LogLevel, type LogMetadata, Runtime } from "@temporalio/worker";
import { logger } from "../../core/logger.ts";

/** Sets the SDK's native core up, once a process: its log goes where ours goes, and signals stay with whoever owns the process. */
export function installTemporalRuntime(): void {
  if (Runtime._instance !== undefined) return;
  Runtime.install({
    logger: sdkLogger(),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: "WARN", other: "ERROR" }, forward: {} } },
  });
}

function sdkLogger() {
  const log = logger("engine", "temporal", "sdk");
  const at = (level: LogLevel) => (message: string, meta?: LogMetadata) => write(level, message, meta);
  const write = (level: LogLevel, message: string, meta?: LogMetadata) => {
    const fields = fieldsOf(meta);
    switch (level) {
      case "TRACE":
      case "DEBUG":
      case "INFO":
        // The SDK's "info" tells of its own machinery.
        log.debug(message, fields);
        return;
      case "WARN":
        log.warning(message, fields);
        return;
      case "ERROR":
        log.error(message, fields);
        return;
    }
  };
  return {
    log: write,
    trace: at("TRACE"),
    debug: at("DEBUG"),
    info: at("INFO"),
    warn: at("WARN"),
    error: at("ERROR"),
  };
}

/** What is short and safe of the SDK's fields. */
function fieldsOf(meta: LogMetadata = {}): Record<string, unknown> {
  const { workflowId, runId, activityType, attempt, taskQueue, error } = meta;
  const fields = {
    workflowId,
    runId,
    activityType,
    attempt,
    taskQueue,
    error: error instanceof Error ? error.message : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
