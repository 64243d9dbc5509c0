import { isGrpcServiceError, ServiceError } from "@temporalio/client";
import { type ErrorCode, messageOf, ReliantError } from "../../core/errors.ts";

/** Codes of gRPC that say something else than "away". Source: https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** The gRPC code of an error of Temporal's client, however it is wrapped. */
export function grpcCodeOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  if (error instanceof ServiceError && isGrpcServiceError(error.cause)) return error.cause.code;
  return undefined;
}

/** The error as one of ours: `unavailable` for whatever may pass. */
export function toTemporalError(error: unknown, act: string): ReliantError {
  if (error instanceof ReliantError) return error;
  return new ReliantError(codeOf(grpcCodeOf(error)), `${act}: ${detailOf(error)}`, { cause: error });
}

function codeOf(code: number | undefined): ErrorCode {
  switch (code) {
    case GRPC.invalidArgument:
      return "invalid_argument";
    case GRPC.permissionDenied:
      return "permission_denied";
    case GRPC.unauthenticated:
      return "unauthenticated";
    default:
      return "unavailable";
  }
}

function detailOf(error: unknown): string {
  const inner = error instanceof ServiceError ? error.cause : error;
  const detail = isGrpcServiceError(inner) && inner.details !== "" ? inner.details : messageOf(inner ?? error);
  // What grpc-js ends such texts with: a time, which makes each of them another one, and an empty note.
  return detail.replace(/( \(\d{4}-[\d-]+T[\d:.]+Z\))?(\.? Resolution note: )?$/, "");
}
