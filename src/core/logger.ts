import {
  configure,
  getConsoleSink,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";

export type LogLevel = "debug" | "info" | "warning" | "error";
export type LogFormat = "text" | "json";
export type { Logger };

/** The logger of one component: `logger("gateway", "registry")`. A constant phrase, values as fields; never transcripts, tool input or tokens. */
export function logger(...component: string[]): Logger {
  return getLogger(["reliant", ...component]);
}

/** Sends log records to standard error from now on, and each line to `alsoTo`. Called once by whoever owns the process. */
export async function configureLogging(options: {
  level: LogLevel;
  format: LogFormat;
  alsoTo?: (line: string) => void;
}): Promise<void> {
  const formatter = options.format === "json" ? getJsonLinesFormatter() : textFormatter();
  const sink = getConsoleSink({
    formatter,
    levelMap: { trace: "error", debug: "error", info: "error", warning: "error", error: "error", fatal: "error" },
  });
  const also = (record: LogRecord) => options.alsoTo?.(formatter(record));
  await configure({
    reset: true,
    sinks: { stderr: sink, also },
    loggers: [
      { category: "reliant", lowestLevel: options.level, sinks: ["stderr", "also"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

function textFormatter() {
  return getTextFormatter({
    timestamp: "rfc3339",
    format: ({ timestamp, level, category, message, record }) => {
      const fields = Object.entries(record.properties)
        .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
        .join(" ");
      return `${timestamp} ${level} ${category}: ${message}${fields === "" ? "" : ` ${fields}`}`;
    },
  });
}
