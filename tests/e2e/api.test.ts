import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { z } from "zod";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { ChatService } from "../../src/gen/reliant/v1/chat_pb.ts";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { BOUNDS } from "../support/bounds.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";

const MINUTE = 60_000;

let cluster: Cluster;
let ada: StackUser;
let daemon: StackDaemon;

beforeAll(async () => {
  const script = join(import.meta.dir, "scripts/distributed.yaml");
  cluster = await startCluster({ apis: 1, gateways: 1, workers: 1, script });
  ada = await cluster.signUp("ada");
  daemon = await cluster.startDaemon(ada, { name: "machine" });
}, BOUNDS.buildMs + BOUNDS.installMs);

afterAll(() => cluster?.stop(), BOUNDS.stopMs);

const portOf = (role: "apis" | "gateways" | "workers", flag: string) => cluster[role][0]?.ports[flag] ?? 0;

async function rest(method: string, path: string, body?: unknown, token: string = ada.jwt) {
  const response = await fetch(`${cluster.apiUrl}/api/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: z.any().parse(await response.json()) };
}

/** Events of a stream of server-sent events, until one fits. */
async function events(path: string, until: (event: { name: string; data: string }) => boolean, lastEventId?: string) {
  const response = await fetch(`${cluster.apiUrl}/api/v2${path}`, {
    headers: {
      authorization: `Bearer ${ada.jwt}`,
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const seen: { id: string; name: string; data: string }[] = [];
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const whole = text.split("\n\n");
    text = whole.pop() ?? "";
    for (const block of whole) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("data") === "") continue;
      const event = { id: field("id"), name: field("event"), data: field("data") };
      seen.push(event);
      if (until(event)) return seen;
    }
  }
  throw new Error(`the stream ended after ${seen.length} events`);
}

const ended = (event: { name: string; data: string }) =>
  event.name === "chat" && /"state":"RUN_STATE_(SUCCEEDED|FAILED|CANCELLED)"/.test(event.data);

describe("REST", () => {
  test(
    "carries a chat from its project to its last message",
    async () => {
      const project = await rest("POST", "/projects", { name: "project", path: daemon.root });
      expect(project.status).toBe(201);
      const made = await rest("POST", "/chats", {
        projectId: project.body.project.id,
        daemonId: daemon.id,
        blocks: [{ text: { text: "where are you" } }],
      });
      expect(made.status).toBe(201);
      const chatId = made.body.chat.id;
      const seen = await events(`/updates?chat=${chatId}:0`, ended);
      expect(seen.some((event) => event.name === "delta")).toBe(true);
      const messages = await rest("GET", `/chats/${chatId}/messages`);
      expect(messages.body.messages.map((message: { role: string }) => message.role)).toEqual([
        "ROLE_USER",
        "ROLE_ASSISTANT",
        "ROLE_TOOL",
        "ROLE_ASSISTANT",
      ]);
      expect((await rest("GET", `/chats/${chatId}`)).body.chat.run.state).toBe("RUN_STATE_SUCCEEDED");
      expect((await rest("GET", "/chats?pageSize=1")).body.chats).toHaveLength(1);
      expect((await rest("POST", `/chats/${chatId}/cancel`)).body).toEqual({});
    },
    MINUTE,
  );

  test(
    "streams from where the last event ended",
    async () => {
      const { body } = await rest("POST", "/chats", { blocks: [{ text: { text: "second question" } }] });
      const all = (await events(`/updates?chat=${body.chat.id}:0`, ended)).filter((event) => event.name === "chat");
      const middle = all[1];
      const resumed = (await events("/updates", ended, middle?.id)).filter((event) => event.name === "chat");
      expect(resumed.map((event) => event.data)).toEqual(all.slice(2).map((event) => event.data));
    },
    MINUTE,
  );

  test(
    "shows daemons, and makes, lists and revokes tokens",
    async () => {
      const { body } = await rest("GET", "/daemons");
      expect(body.daemons).toMatchObject([{ id: daemon.id, name: "machine", online: true }]);
      const made = await rest("POST", "/tokens", { name: "ci", scope: "TOKEN_SCOPE_API", expiresInDays: 1 });
      expect(made.status).toBe(201);
      expect(made.body.secret).toMatch(/^rlnt_pat_[0-9A-Za-z]{33}$/);
      expect((await rest("GET", "/chats", undefined, made.body.secret)).status).toBe(200);
      expect((await rest("DELETE", `/tokens/${made.body.token.id}`)).body.token.revokedAt).toBeDefined();
      const listed = await rest("GET", "/tokens");
      expect(JSON.stringify(listed.body)).not.toContain(made.body.secret);
      expect(await eventuallyStatus(made.body.secret)).toBe(401);
    },
    MINUTE,
  );

  test("has a daemon read its configuration again", async () => {
    expect((await rest("POST", `/daemons/${daemon.id}/load-config`)).status).toBe(200);
    expect((await rest("POST", "/daemons/dmn_unknown/load-config")).status).toBe(404);
  });

  test.each([
    ["an unknown route", "GET", "/nothing", undefined, 404, "not_found"],
    ["a body that is not JSON", "POST", "/chats", "{", 400, "invalid_argument"],
    ["a body of the wrong shape", "POST", "/chats", [1], 400, "invalid_argument"],
    ["a field that is not there", "POST", "/chats", { colour: "red" }, 400, "invalid_argument"],
    ["a field beyond its bounds", "POST", "/tokens", { name: "" }, 400, "invalid_argument"],
    ["an unknown provider", "POST", "/chats", { model: "nobody/x" }, 400, "invalid_argument"],
    ["an unknown chat", "GET", "/chats/chat_unknown", undefined, 404, "not_found"],
    ["a stream of an unknown chat", "GET", "/updates?chat=chat_unknown", undefined, 404, "not_found"],
  ])("answers %s with a clear error", async (_, method, path, body, status, code) => {
    const answer = await rest(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error.code).toBe(code);
    expect(answer.body.error.message).not.toBe("");
  });

  test("refuses whoever shows no token, a wrong one, or a daemon's", async () => {
    const bare = await fetch(`${cluster.apiUrl}/api/v2/chats`);
    expect(bare.status).toBe(401);
    expect((await rest("GET", "/chats", undefined, "rlnt_pat_wrong")).status).toBe(401);
    const token = await ada.newDaemonToken();
    expect((await rest("GET", "/chats", undefined, token.secret)).status).toBe(403);
  });

  test("refuses a body that is too large", async () => {
    const answer = await rest("POST", "/chats", "x".repeat(17 * 1024 * 1024));
    expect(answer.status).toBe(413);
  });
});

/** A revoked token may be believed for two seconds more. */
async function eventuallyStatus(token: string): Promise<number> {
  for (let tries = 0; ; tries++) {
    const { status } = await rest("GET", "/chats", undefined, token);
    if (status === 401 || tries === 100) return status;
    await Bun.sleep(100);
  }
}

describe("RPC", () => {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${ada.jwt}`);
    return next(request);
  };
  const interceptors = [authorize];
  const http = () => cluster.apiUrl;
  const grpc = () => `http://127.0.0.1:${portOf("apis", "--grpc-port")}`;

  const transports: Readonly<Record<string, () => Transport>> = {
    gRPC: () => createGrpcTransport({ baseUrl: grpc(), interceptors }),
    "gRPC-Web over HTTP/1.1": () => createGrpcWebTransport({ baseUrl: grpc(), httpVersion: "1.1", interceptors }),
    "Connect over HTTP/2": () => createConnectTransport({ baseUrl: grpc(), httpVersion: "2", interceptors }),
    "Connect on the HTTP port": () => createConnectTransport({ baseUrl: http(), httpVersion: "1.1", interceptors }),
    "gRPC-Web on the HTTP port": () => createGrpcWebTransport({ baseUrl: http(), httpVersion: "1.1", interceptors }),
  };

  test.each(Object.keys(transports))("is spoken by %s, errors too", async (name) => {
    const transport = transports[name]?.();
    if (transport === undefined) throw new Error(`no transport ${name}`);
    const chats = createClient(ChatService, transport);
    expect((await chats.listChats({})).chats.length).toBeGreaterThan(0);
    const error = ConnectError.from(await chats.getChat({ chatId: "chat_unknown" }).catch((thrown) => thrown));
    expect(error.code).toBe(Code.NotFound);
  });

  test("answers grpc.health.v1 on the gRPC ports of API and gateway, to anybody", async () => {
    for (const port of [
      portOf("apis", "--grpc-port"),
      portOf("gateways", "--daemon-port"),
      portOf("gateways", "--frontend-port"),
    ]) {
      const health = createClient(Health, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
      expect((await health.check({ service: "" })).status).toBe(Status.SERVING);
    }
  });
});

describe("operations", () => {
  test("each server answers /health and /ready, with each check by its name", async () => {
    const expected = [
      { role: cluster.apis[0], checks: ["postgres", "nats", "hub", "api"] },
      { role: cluster.gateways[0], checks: ["postgres", "nats", "hub", "gateway"] },
      { role: cluster.workers[0], checks: ["postgres", "nats", "hub", "temporal", "worker"] },
    ];
    for (const { role, checks } of expected) {
      expect((await fetch(`${role?.healthUrl}/health`)).status).toBe(200);
      const ready = await fetch(`${role?.healthUrl}/ready`);
      const answer = z.any().parse(await ready.json());
      expect(Object.keys(answer.checks).toSorted()).toEqual(checks.toSorted());
      expect(answer.ready).toBe(true);
    }
  });

  test("the debug port tells of the database and is reached from this machine only", async () => {
    const port = portOf("apis", "--pprof-port");
    const stats = z.any().parse(await (await fetch(`http://127.0.0.1:${port}/debug/db`)).json());
    expect(stats.writeQueueDepth).toBeGreaterThanOrEqual(0);
    expect(stats.poolSize).toBeGreaterThan(0);
    const profile = await fetch(`http://127.0.0.1:${port}/debug/pprof/profile?seconds=0.2`);
    expect(z.any().parse(await profile.json()).nodes.length).toBeGreaterThan(0);
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address?.family === "IPv4" && !address.internal);
    for (const address of others) {
      await expect(fetch(`http://${address?.address}:${port}/debug/db`)).rejects.toThrow();
    }
    const listening = Bun.spawnSync(["sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"]).stdout.toString();
    const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
    const hosts = [...listening.matchAll(new RegExp(`([0-9A-F]+):${hexPort} [0-9A-F]+:0000 0A`, "g"))].map(
      (match) => match[1],
    );
    expect(hosts).toEqual(["0100007F"]);
  });
});
