/**
 * How long a provider asks to wait, milliseconds, from its answer's headers (names in lower case) and body:
 * `retry-after-ms` (OpenAI, Anthropic), `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), or the `retryDelay`
 * of Google's RetryInfo. Undefined where it says nothing that can be read.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  body: string,
  nowMs: number,
): number | undefined {
  const inMs = duration(headers["retry-after-ms"], 1);
  if (inMs !== undefined) return inMs;
  const header = headers["retry-after"];
  const inSeconds = duration(header, 1000);
  if (inSeconds !== undefined) return inSeconds;
  const date = header === undefined ? Number.NaN : Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, date - nowMs);
  return duration(/"retryDelay":\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1], 1000);
}

function duration(text: string | undefined, unitMs: number): number | undefined {
  if (text === undefined || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined;
  return Math.ceil(Number(text) * unitMs);
}
