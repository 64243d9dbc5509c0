/** What went wrong, as a closed list. Each code has one row in {@link ERROR_TABLE}. */
export type ErrorCode =
  | "invalid_argument"
  | "usage"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "conflict"
  | "resource_exhausted"
  | "cancelled"
  | "deadline_exceeded"
  | "unavailable"
  | "daemon_offline"
  | "schema_too_new"
  | "protocol_mismatch"
  | "address_in_use"
  | "provider_failed"
  | "internal";

/** How one code is told at each border. `connectCode` is the number of the Connect and gRPC status. */
export interface ErrorRow {
  readonly connectCode: number;
  readonly httpStatus: number;
  readonly exitCode: number;
  /** True where the same request may succeed when it is sent again unchanged. */
  readonly retryable: boolean;
}

/** Source of the Connect numbers: https://connectrpc.com/docs/protocol/#error-codes. Exit code 2 is wrong usage, as in POSIX tools. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = {
  invalid_argument: { connectCode: 3, httpStatus: 400, exitCode: 2, retryable: false },
  usage: { connectCode: 3, httpStatus: 400, exitCode: 2, retryable: false },
  unauthenticated: { connectCode: 16, httpStatus: 401, exitCode: 4, retryable: false },
  permission_denied: { connectCode: 7, httpStatus: 403, exitCode: 4, retryable: false },
  not_found: { connectCode: 5, httpStatus: 404, exitCode: 1, retryable: false },
  already_exists: { connectCode: 6, httpStatus: 409, exitCode: 1, retryable: false },
  failed_precondition: { connectCode: 9, httpStatus: 412, exitCode: 1, retryable: false },
  conflict: { connectCode: 10, httpStatus: 409, exitCode: 1, retryable: true },
  resource_exhausted: { connectCode: 8, httpStatus: 429, exitCode: 1, retryable: true },
  cancelled: { connectCode: 1, httpStatus: 499, exitCode: 130, retryable: false },
  deadline_exceeded: { connectCode: 4, httpStatus: 504, exitCode: 1, retryable: true },
  unavailable: { connectCode: 14, httpStatus: 503, exitCode: 1, retryable: true },
  daemon_offline: { connectCode: 14, httpStatus: 503, exitCode: 1, retryable: true },
  schema_too_new: { connectCode: 9, httpStatus: 500, exitCode: 1, retryable: false },
  protocol_mismatch: { connectCode: 9, httpStatus: 426, exitCode: 5, retryable: false },
  address_in_use: { connectCode: 14, httpStatus: 500, exitCode: 1, retryable: false },
  provider_failed: { connectCode: 14, httpStatus: 502, exitCode: 1, retryable: false },
  internal: { connectCode: 13, httpStatus: 500, exitCode: 1, retryable: false },
};

/**
 * The one error class. The message names the act and the thing: `open database data/reliant.db: permission denied`.
 * `hint` says what to do next and is shown at the command line only.
 */
export class ReliantError extends Error {
  override readonly name = "ReliantError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get row(): ErrorRow {
    return ERROR_TABLE[this.code];
  }
}

/** The error as one of ours; what is not ours becomes `internal`, or `cancelled` for an abort. */
export function toReliantError(error: unknown, act: string): ReliantError {
  if (error instanceof ReliantError) return error;
  const cause = messageOf(error);
  if (error instanceof Error && error.name === "AbortError") {
    return new ReliantError("cancelled", `${act}: cancelled`, { cause: error });
  }
  return new ReliantError("internal", `${act}: ${cause}`, { cause: error });
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For our own mistakes only: a broken assumption ends what is under way. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ReliantError("internal", `assertion failed: ${message}`);
}

/** Marks the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new ReliantError("internal", `unexpected value ${JSON.stringify(value)}`);
}
