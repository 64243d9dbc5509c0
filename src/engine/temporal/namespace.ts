import type { WorkflowService } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { GRPC, grpcCodeOf, toTemporalError } from "./temporal-errors.ts";

type NamespaceService = Pick<WorkflowService, "describeNamespace" | "registerNamespace">;

/**
 * Makes the namespace where it is absent. Throws `unavailable` while Temporal is away, `failed_precondition` with what
 * to do where it is absent and may not be made, `permission_denied` or `unauthenticated` where we are not let in.
 */
export async function ensureNamespace(service: NamespaceService, namespace: string): Promise<void> {
  if (await hasNamespace(service, namespace)) return;
  try {
    await service.registerNamespace({
      namespace,
      description: "Runs of reliant's agents",
      workflowExecutionRetentionPeriod: msToTs(LIMITS.namespaceRetentionMs),
    });
  } catch (error) {
    const code = grpcCodeOf(error);
    if (code === GRPC.alreadyExists) return;
    if (code === GRPC.permissionDenied || code === GRPC.unimplemented || code === GRPC.invalidArgument) {
      throw absent(namespace, error);
    }
    throw toTemporalError(error, `make Temporal namespace ${namespace}`);
  }
}

/** True where it is there. Throws as {@link ensureNamespace}. */
export async function hasNamespace(service: NamespaceService, namespace: string): Promise<boolean> {
  try {
    await service.describeNamespace({ namespace });
    return true;
  } catch (error) {
    if (grpcCodeOf(error) === GRPC.notFound) return false;
    throw toTemporalError(error, `find Temporal namespace ${namespace}`);
  }
}

function absent(namespace: string, cause: unknown): ReliantError {
  return new ReliantError(
    "failed_precondition",
    `make Temporal namespace ${namespace}: it does not exist, and we are not allowed to make it`,
    {
      cause,
      hint: `Make it (temporal operator namespace create --namespace ${namespace}, or in Temporal Cloud's console), or name another by --temporal-namespace.`,
    },
  );
}
