import { Code, ConnectError } from "@connectrpc/connect";
import { ReliantError, toReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";

/** A field of an error's metadata: our code, beside the Connect code. Several of ours share one of theirs. */
export const ERROR_HEADER = "x-reliant-error";

/** An error as it may be shown: what nobody expected is hidden behind an id that stands in the log. */
export function shownError(error: unknown, act: string, log: Logger): ReliantError {
  const known = toReliantError(error, act);
  if (known.code !== "internal") return known;
  const incident = newId("inc");
  log.error("internal error", { act, incident, reason: known.message, stack: stackOf(error) });
  return new ReliantError("internal", `${act}: internal error, see the server's log for ${incident}`, { cause: error });
}

export function toConnectError(error: ReliantError): ConnectError {
  const code = error.row.connectCode;
  return new ConnectError(
    error.message,
    isConnectCode(code) ? code : Code.Internal,
    { [ERROR_HEADER]: error.code },
    undefined,
    error,
  );
}

function isConnectCode(code: number): code is Code {
  return code in Code;
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
