import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/grpc/health/v1/health_pb.ts";
import type { ReadinessChecks } from "./readiness.ts";

/**
 * `grpc.health.v1`, for load balancers that ask in gRPC: the same answer as `/ready`, for the server as a whole and for
 * each service of the port. Open to everybody.
 */
export function healthRoutes(checks: Pick<ReadinessChecks, "ask">, clock: Clock): (router: ConnectRouter) => void {
  const statusNow = async () => ((await checks.ask()).ready ? Status.SERVING : Status.NOT_SERVING);
  return (router) => {
    // Looked up with each call: services that are registered after this one count too.
    const isKnown = (service: string) =>
      service === "" || router.handlers.some((handler) => handler.service.typeName === service);
    router.service(Health, {
      async check({ service }) {
        if (!isKnown(service)) throw new ConnectError(`service ${service.slice(0, 128)} is not known`, Code.NotFound);
        return { status: await statusNow() };
      },
      async *watch({ service }, { signal }) {
        for (let last: Status | undefined; !signal.aborted; ) {
          const status = isKnown(service) ? await statusNow() : Status.SERVICE_UNKNOWN;
          if (status !== last) yield { status };
          last = status;
          // Only the end of the stream rejects it, and the loop sees that itself.
          await clock.sleep(LIMITS.readyHoldMs, signal).catch(() => undefined);
        }
      },
    });
  };
}
