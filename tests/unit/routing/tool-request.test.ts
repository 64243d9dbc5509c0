import { expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { AwakeTime } from "../../../src/routing/awake-time.ts";
import { CallBell } from "../../../src/routing/call-bell.ts";
import type { DaemonTransport } from "../../../src/routing/daemon-transport.ts";
import { deliverToolCall } from "../../../src/routing/tool-request.ts";
import { FakeStore } from "../../support/fake-store.ts";
import { requestOf } from "../../support/gateway-world.ts";
import { settle } from "../../support/manual-clock.ts";
import { LaptopClock } from "../daemon/laptop-clock.ts";

const TIMEOUT_MS = 120_000;

/** A gateway that accepts each call, and a daemon behind it that never says anything of one. */
class SilentTransport implements DaemonTransport {
  canCarry = true;
  sends = 0;

  async send() {
    this.sends += 1;
    return { kind: "accepted" } as const;
  }
  onNews() {
    return () => undefined;
  }
  async cancel() {
    return true;
  }
  async isOnline() {
    return true;
  }
  async command() {}
  async check() {
    if (!this.canCarry) throw new Error("not connected");
  }
  async close() {}
}

/** A call that is accepted and never started, and a clock that a daemon which is there is seen by. */
function deliver() {
  const clock = new LaptopClock();
  const store = new FakeStore(() => clock.now());
  const call = store.request("usr_ada");
  const transport = new SilentTransport();
  const seen = () =>
    store.rows.set("dmn_1", {
      ...{ id: "dmn_1", userId: "usr_ada", name: "laptop", labels: {}, platform: "", version: "", epoch: 3 },
      ...{ startCount: 1, connected: true, lastSeenAtMs: clock.now(), createdAtMs: 0 },
    });
  seen();
  const request = requestOf(call, "dmn_1", { timeoutMs: TIMEOUT_MS });
  const stop = new AbortController();
  const deps = { store, transport, clock, times: LIMITS, awake: new AwakeTime(clock, LIMITS.toolCallSlackMs) };
  const ended = deliverToolCall(deps, request, "outcome", new CallBell(), stop.signal);
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += LIMITS.ledgerPollMs) {
      seen();
      await clock.advance(LIMITS.ledgerPollMs);
      await settle();
    }
  };
  return { store, call, transport, ended, pass, sleep: (ms: number) => clock.closeLidFor(ms) };
}

test("a call that is accepted and never started ends with its time, also where NATS was away for a moment", async () => {
  const { store, call, transport, ended, pass } = deliver();
  await pass(4_000);
  expect(store.state(call.id)).toBe("dispatched");
  transport.canCarry = false;
  await pass(4_000);
  transport.canCarry = true;
  await pass(TIMEOUT_MS + LIMITS.toolCallSlackMs);
  expect(await ended).toMatchObject({ state: "timed_out" });
});

test("the time in which NATS is away is not the call's", async () => {
  const { store, call, transport, ended, pass } = deliver();
  await pass(4_000);
  transport.canCarry = false;
  await pass(3 * (TIMEOUT_MS + LIMITS.toolCallSlackMs));
  transport.canCarry = true;
  await pass(TIMEOUT_MS);
  expect(store.state(call.id)).toBe("dispatched");
  await pass(LIMITS.toolCallSlackMs);
  expect(await ended).toMatchObject({ state: "timed_out" });
});

test("a call has as much time left as before a sleep of its process, whether it runs or waits", async () => {
  const { store, call, ended, pass, sleep } = deliver();
  await pass(4_000);
  sleep(8 * 3_600_000);
  await pass(TIMEOUT_MS);
  expect(store.state(call.id)).toBe("dispatched");
  await store.toolCalls.daemonReady({ daemonId: "dmn_1", epoch: 3 }, { toolCallId: call.id, journalId: "jrn_1" });
  await pass(4_000);
  sleep(8 * 3_600_000);
  await pass(LIMITS.toolCallSlackMs + LIMITS.unknownAfterDeadlineMs);
  expect(store.state(call.id)).toBe("running");
  await pass(LIMITS.unknownAfterDeadlineMs + LIMITS.ledgerPollMs);
  expect(await ended).toMatchObject({ state: "unknown" });
});
