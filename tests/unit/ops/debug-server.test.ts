import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createConnection } from "node:net";
import { networkInterfaces } from "node:os";
import { type DebugServer, startDebugServer } from "../../../src/ops/debug-server.ts";
import type { StoreStats } from "../../../src/store/store.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const STATS: StoreStats = { writeQueueDepth: 3, writeQueueDropped: 1, poolSize: 10, transactionsOpen: 2 };
let server: DebugServer;
let stats: StoreStats | undefined;

beforeEach(() => {
  stats = STATS;
  server = startDebugServer(0, () => stats);
});
afterEach(() => server.stop());

const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

test("listens on loopback only", async () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && address.family === "IPv4");
  // 127.0.0.2 is of this machine too, and not 127.0.0.1: on a machine without a network it stands for the others.
  const addresses = [...outside.map((address) => address.address), "127.0.0.2"];
  for (const host of addresses) {
    const reached = await new Promise<string>((resolve) => {
      const socket = createConnection({ host, port: server.port });
      socket.once("connect", () => {
        socket.destroy();
        resolve("connected");
      });
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
    });
    expect([host, reached]).toEqual([host, "ECONNREFUSED"]);
  }
});

test("refuses a page that comes by a name of its own", async () => {
  expect((await get("/debug/db", { headers: { host: "rebound.example" } })).status).toBe(403);
});

test("/debug/db shows write queue and pool, or that the database is not there yet", async () => {
  const shown: unknown = await (await get("/debug/db")).json();
  expect(shown).toEqual(STATS);
  stats = undefined;
  expect((await get("/debug/db")).status).toBe(503);
});

test("/debug/pprof/profile is a CPU profile of that many seconds", async () => {
  const startedMs = performance.now();
  const response = await get("/debug/pprof/profile?seconds=0.3");
  const profile = (await response.json()) as { readonly nodes: object[]; readonly startTime: number };
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(300);
  expect(profile.nodes.length).toBeGreaterThan(0);
  expect(profile).toHaveProperty("samples");
});

test("one profile at a time, and for a bounded time", async () => {
  const first = get("/debug/pprof/profile?seconds=1");
  await eventually("the second one to be refused", async () => {
    return (await get("/debug/pprof/profile?seconds=0.01")).status === 409;
  });
  expect((await first).status).toBe(200);
  for (const seconds of ["0", "-1", "1e9", "x"]) {
    expect((await get(`/debug/pprof/profile?seconds=${seconds}`)).status).toBe(400);
  }
});

test("/debug/pprof/heap is a heap snapshot", async () => {
  const heap = (await (await get("/debug/pprof/heap")).json()) as {
    readonly snapshot: object;
    readonly nodes: number[];
  };
  expect(heap.snapshot).toHaveProperty("node_count");
  expect(heap.nodes.length).toBeGreaterThan(1000);
});
