import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { systemClock } from "../../../src/core/clock.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { ListProjectsResponseSchema, ProjectService } from "../../../src/gen/reliant/v1/project_pb.ts";
import { StreamingService } from "../../../src/gen/reliant/v1/update_pb.ts";
import { errorInterceptor } from "../../../src/rpc/error-interceptor.ts";
import { RequestValidator } from "../../../src/rpc/request-validator.ts";
import { openRpcServer, type RpcServer, type RpcServerOptions } from "../../../src/rpc/rpc-server.ts";
import { validationInterceptor } from "../../../src/rpc/validation-interceptor.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { testTls } from "./test-tls.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const TEST_TLS = testTls();

let server: RpcServer | undefined;
afterEach(async () => {
  await server?.close(0);
  server = undefined;
});

interface Running {
  readonly port: number;
  readonly ended: () => number;
}

async function start(extra: Partial<RpcServerOptions> = {}): Promise<Running> {
  let ended = 0;
  server = await openRpcServer({
    name: "test",
    port: 0,
    bindAddress: "127.0.0.1",
    clock: systemClock,
    interceptors: [errorInterceptor(), validationInterceptor(new RequestValidator())],
    routes: (router) => {
      router.service(ProjectService, {
        listProjects: (request) =>
          create(ListProjectsResponseSchema, { nextPageToken: request.pageToken, projects: [{ path: "/a" }] }),
        getProject: () => {
          throw new ReliantError("daemon_offline", "no daemon");
        },
        createProject: () => {
          throw new TypeError("the password is hunter2");
        },
      });
      router.service(StreamingService, {
        async *streamUserUpdates(_request, context) {
          try {
            yield { update: { case: "keepAlive", value: {} } };
            await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
            throw context.signal.reason;
          } finally {
            ended++;
          }
        },
      });
    },
    fetch: async (request) =>
      new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`),
    ...extra,
  });
  return { port: server.port, ended: () => ended };
}

const CLIENTS: readonly { readonly name: string; transport(port: number, tls: boolean): Transport }[] = (
  [
    ["gRPC over HTTP/2", createGrpcTransport, "2"],
    ["gRPC-Web over HTTP/2", createGrpcWebTransport, "2"],
    ["Connect over HTTP/2", createConnectTransport, "2"],
    ["gRPC-Web over HTTP/1.1", createGrpcWebTransport, "1.1"],
    ["Connect over HTTP/1.1", createConnectTransport, "1.1"],
  ] as const
).map(([name, make, httpVersion]) => ({
  name,
  transport: (port, tls) => {
    const baseUrl = `${tls ? "https" : "http"}://localhost:${port}`;
    const nodeOptions = tls ? { ca: TEST_TLS.cert } : {};
    return make({ baseUrl, httpVersion: httpVersion as "2", nodeOptions });
  },
}));

describe("one port", () => {
  for (const client of CLIENTS) {
    for (const tls of [false, true]) {
      test(`takes ${client.name} ${tls ? "with" : "without"} TLS`, async () => {
        const { port, ended } = await start(tls ? { tls: TEST_TLS } : {});
        const transport = client.transport(port, tls);
        const answer = await createClient(ProjectService, transport).listProjects({ pageToken: "x" });
        expect(answer.nextPageToken).toBe("x");
        expect(answer.projects.map((project) => project.path)).toEqual(["/a"]);

        const leave = new AbortController();
        const updates = createClient(StreamingService, transport).streamUserUpdates({}, { signal: leave.signal });
        const first = await updates[Symbol.asyncIterator]().next();
        expect(first.value?.update.case).toBe("keepAlive");
        leave.abort();
        await eventually("the handler to see that its client is gone", () => ended() === 1);
      });
    }
  }

  test("gives everything else to the web handler, by both HTTP versions", async () => {
    const { port } = await start();
    for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
      const curl = Bun.spawn(["curl", "-s", version, "-d", "body", `http://127.0.0.1:${port}/api/x?y=1`]);
      expect(await curl.stdout.text()).toBe("POST /api/x body");
    }
  });

  test("tells an address in use by the system's code", async () => {
    const { port } = await start();
    const second = openRpcServer({ name: "second", port, bindAddress: "127.0.0.1", clock: systemClock });
    expect(await second.catch((error: unknown) => error)).toHaveProperty("code", "EADDRINUSE");
  });
});

describe("errors", () => {
  async function failed(call: (client: ReturnType<typeof projects>) => Promise<unknown>, port: number) {
    const error = await call(projects(port)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectError);
    return error as ConnectError;
  }
  const projects = (port: number) =>
    createClient(ProjectService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));

  test("ours come as the table says, with our own code beside", async () => {
    const { port } = await start();
    const error = await failed((client) => client.getProject({ projectId: "a" }), port);
    expect(error.code).toBe(Code.Unavailable);
    expect(error.metadata.get("x-reliant-error")).toBe("daemon_offline");
  });

  test("unexpected ones are hidden behind an id", async () => {
    const { port } = await start();
    const error = await failed((client) => client.createProject({ name: "a", path: "/a" }), port);
    expect(error.code).toBe(Code.Internal);
    expect(error.message).not.toContain("hunter2");
    expect(error.message).toMatch(/inc_[0-9a-f]{32}/);
  });

  test("a request that breaks a rule of its proto file names the field, not the value", async () => {
    const { port } = await start();
    const error = await failed((client) => client.getProject({ projectId: "a.secret*" }), port);
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.message).toContain("project_id");
    expect(error.message).not.toContain("secret");
  });
});

describe("closing", () => {
  test("ends streams with unavailable and refuses new connections", async () => {
    const { port, ended } = await start();
    const client = createClient(StreamingService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
    const updates = client.streamUserUpdates({})[Symbol.asyncIterator]();
    await updates.next();
    const end = updates.next().catch((error: unknown) => ConnectError.from(error).code);
    await server?.close(5000);
    expect(await end).toBe(Code.Unavailable);
    expect(ended()).toBe(1);
    const refused = new Promise((resolve) => connect(port, "127.0.0.1").once("error", resolve));
    expect(await refused).toHaveProperty("code", "ECONNREFUSED");
  });

  test("does not wait for connections without a request", async () => {
    const { port } = await start();
    const idle = connect(port, "127.0.0.1");
    idle.on("error", () => undefined);
    idle.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    await eventually("the connection to be taken", () => (server?.connections ?? 0) > 0);
    const startedMs = performance.now();
    await server?.close(20_000);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  test("cuts what is not done within the grace", async () => {
    const { port } = await start({ fetch: () => new Promise(() => undefined) });
    const pending = fetch(`http://127.0.0.1:${port}/hangs`).catch(() => "cut");
    await eventually("the request to be taken", () => (server?.connections ?? 0) > 0);
    await server?.close(100);
    expect(await pending).toBe("cut");
  });
});
