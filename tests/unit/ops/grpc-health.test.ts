import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { systemClock } from "../../../src/core/clock.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../src/gen/grpc/health/v1/health_pb.ts";
import { ProjectService } from "../../../src/gen/reliant/v1/project_pb.ts";
import { healthRoutes } from "../../../src/ops/grpc-health.ts";
import { connecting, ReadinessChecks } from "../../../src/ops/readiness.ts";
import { openRpcServer, type RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

let server: RpcServer | undefined;
afterEach(() => server?.close(0));

async function start() {
  const checks = new ReadinessChecks(systemClock);
  const health = healthRoutes(checks, systemClock);
  server = await openRpcServer({
    name: "health",
    port: 0,
    bindAddress: "127.0.0.1",
    clock: systemClock,
    routes: (router) => {
      health(router);
      router.service(ProjectService, {});
    },
  });
  return { checks, client: createClient(Health, createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` })) };
}

test("a server answers for itself and for each of its services", async () => {
  const { checks, client } = await start();
  for (const service of ["", ProjectService.typeName]) {
    checks.set("postgres", async () => undefined);
    expect((await client.check({ service })).status).toBe(Status.SERVING);
    checks.set(
      "postgres",
      connecting(() => "away"),
    );
    expect((await client.check({ service })).status).toBe(Status.NOT_SERVING);
  }
});

test("a service that is not there is not found, and unknown to who watches", async () => {
  const { client } = await start();
  const error = await client.check({ service: "x.Y" }).catch((reason: unknown) => reason);
  expect(ConnectError.from(error).code).toBe(Code.NotFound);
  const first = await client.watch({ service: "x.Y" })[Symbol.asyncIterator]().next();
  expect(first.value?.status).toBe(Status.SERVICE_UNKNOWN);
});

test("who watches is told of each change", async () => {
  const { checks, client } = await start();
  checks.set("postgres", async () => undefined);
  const watch = client.watch({ service: "" })[Symbol.asyncIterator]();
  expect((await watch.next()).value?.status).toBe(Status.SERVING);
  checks.drain();
  expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
});
