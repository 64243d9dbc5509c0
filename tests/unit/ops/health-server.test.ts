import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/core/clock.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { Counters } from "../../../src/ops/counters.ts";
import { type HealthServer, startHealthServer } from "../../../src/ops/health-server.ts";
import { connecting, ReadinessChecks } from "../../../src/ops/readiness.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

let server: HealthServer | undefined;
afterEach(() => server?.stop());

const ok = async () => undefined;

async function ask(checks: ReadinessChecks, path: string, counters = new Counters()) {
  await server?.stop();
  server = startHealthServer(checks, counters, { port: 0, bindAddress: "127.0.0.1" });
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: response.status, body: await response.json() };
}

describe("/ready", () => {
  test("names each check, and is 200 when all are well", async () => {
    const checks = new ReadinessChecks(systemClock);
    checks.set("postgres", ok);
    checks.set("nats", ok);
    expect(await ask(checks, "/ready")).toEqual({
      status: 200,
      body: { ready: true, checks: { postgres: { ok: true }, nats: { ok: true } } },
    });
  });

  test("is 503 while one fails, and says which and why", async () => {
    const checks = new ReadinessChecks(systemClock);
    checks.set(
      "postgres",
      connecting(() => "connect to the database: refused"),
    );
    checks.set("nats", ok);
    expect(await ask(checks, "/ready")).toEqual({
      status: 503,
      body: {
        ready: false,
        checks: { postgres: { ok: false, reason: "connect to the database: refused" }, nats: { ok: true } },
      },
    });
  });

  test("is 503 from the moment the process stops, while /health stays 200", async () => {
    const checks = new ReadinessChecks(systemClock);
    checks.set("postgres", ok);
    await checks.ask();
    checks.drain();
    expect((await ask(checks, "/ready")).status).toBe(503);
    expect(await ask(checks, "/health")).toEqual({ status: 200, body: { status: "ok" } });
  });

  test("other paths are told", async () => {
    expect((await ask(new ReadinessChecks(systemClock), "/x")).status).toBe(404);
  });
});

describe("checks", () => {
  test("that do not answer fail in time, and are told to stop", async () => {
    const clock = new ManualClock();
    const checks = new ReadinessChecks(clock);
    let told = false;
    checks.set("nats", (signal) => {
      signal.addEventListener("abort", () => {
        told = true;
      });
      return new Promise(() => undefined);
    });
    const answer = checks.ask();
    await clock.advance(LIMITS.readyCheckMs);
    expect((await answer).checks.nats).toMatchObject({ ok: false, reason: expect.stringContaining("check nats") });
    expect(told).toBe(true);
  });

  test("are asked once by many probes at the same time, and again later", async () => {
    const clock = new ManualClock();
    const checks = new ReadinessChecks(clock);
    let asked = 0;
    checks.set("postgres", async () => void asked++);
    await Promise.all(Array.from({ length: 100 }, () => checks.ask()));
    expect(asked).toBe(1);
    await clock.advance(LIMITS.readyHoldMs);
    await checks.ask();
    expect(asked).toBe(2);
  });

  test("take effect at once when they are replaced", async () => {
    const checks = new ReadinessChecks(systemClock);
    checks.set(
      "postgres",
      connecting(() => "not yet"),
    );
    expect((await checks.ask()).ready).toBe(false);
    checks.set("postgres", ok);
    await settle();
    expect((await checks.ask()).ready).toBe(true);
  });
});

test("/stats tells what the process counts, as it is when it is asked", async () => {
  const counters = new Counters();
  let daemons = 1;
  counters.set("gateway", () => ({ daemons, unknownFrames: 6 }));
  const checks = new ReadinessChecks(systemClock);
  expect((await ask(checks, "/stats", counters)).body).toEqual({ gateway: { daemons: 1, unknownFrames: 6 } });
  daemons = 2;
  expect((await ask(checks, "/stats", counters)).body).toEqual({ gateway: { daemons: 2, unknownFrames: 6 } });
});
