import { describe, expect, test } from "bun:test";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { watchedUpdates } from "../../../src/client/watched-updates.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { StreamingService } from "../../../src/gen/reliant/v1/update_pb.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

const KEEP_ALIVE = { update: { case: "keepAlive" as const, value: {} } };

/** A server that sends so many signs of life, then says nothing more and does not end. */
function silentAfter(count: number): { readonly updates: Client<typeof StreamingService>; left: boolean } {
  const server = { left: false, updates: createClient(StreamingService, transport()) };
  return server;
  function transport() {
    return createRouterTransport(({ service }) => {
      service(StreamingService, {
        async *streamUserUpdates(_, { signal }) {
          signal.addEventListener("abort", () => {
            server.left = true;
          });
          for (let sent = 0; sent < count; sent++) yield KEEP_ALIVE;
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        },
      });
    });
  }
}

describe("an update stream", () => {
  test("that is silent for longer than a living one ever is ends as unavailable, and its server is left", async () => {
    const server = silentAfter(1);
    const clock = new ManualClock();
    const stream = watchedUpdates(server.updates, {}, clock, new AbortController().signal);
    expect((await stream.next()).value?.update.case).toBe("keepAlive");
    const next = stream.next().then(
      () => "an update",
      (error: unknown) => ConnectError.from(error).code,
    );
    await clock.advance(LIMITS.streamSilenceMs - 1);
    expect(await Promise.race([next, settle().then(() => "waits")])).toBe("waits");
    await clock.advance(1);
    expect(await next).toBe(Code.Unavailable);
    await settle();
    expect(server.left).toBe(true);
  });

  test("waits for a slow reader", async () => {
    const clock = new ManualClock();
    const stream = watchedUpdates(silentAfter(2).updates, {}, clock, new AbortController().signal);
    await stream.next();
    await clock.advance(10 * LIMITS.streamSilenceMs);
    expect((await stream.next()).done).toBe(false);
  });

  test("leaves its server when its reader leaves", async () => {
    const server = silentAfter(1);
    for await (const _ of watchedUpdates(server.updates, {}, new ManualClock(), new AbortController().signal)) break;
    await settle();
    expect(server.left).toBe(true);
  });
});
