import { describe, expect, test } from "bun:test";
import { RunWatch } from "../../../src/api/run-watch.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Updates } from "../../../src/store/updates.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function world() {
  const clock = new ManualClock();
  /** Chats under way, with their last numbers. */
  const underWay = new Map<string, number>();
  const woken: string[] = [];
  const fails = new Set<string>();
  const lastSequences: Updates["lastSequences"] = async ({ chatIds }) => ({
    users: new Map(),
    chats: new Map(chatIds.map((chatId) => [chatId, underWay.get(chatId) ?? 0])),
  });
  const watch = new RunWatch({
    store: { turns: { chatsUnderWay: async () => [...underWay.keys()] }, updates: { lastSequences } },
    engine: {
      wake: async (chatId) => {
        if (fails.has(chatId)) throw new ReliantError("unavailable", "signal: Temporal is away");
        woken.push(chatId);
      },
    },
    clock,
  });
  return { clock, underWay, woken, fails, watch };
}

describe("the watch of runs", () => {
  test("tells the engine of a run whose chat has not moved from one look to the next, and of no other", async () => {
    const { underWay, woken, watch } = world();
    underWay.set("chat_lost", 7).set("chat_busy", 3).set("chat_ended", 5);
    expect(await watch.once()).toBe(0);
    underWay.set("chat_busy", 4).set("chat_new", 1);
    underWay.delete("chat_ended");
    expect(await watch.once()).toBe(1);
    expect(woken).toEqual(["chat_lost"]);
  });

  test("looks again and again, and tells again what the engine did not take", async () => {
    const { clock, underWay, woken, fails, watch } = world();
    underWay.set("chat_lost", 7);
    fails.add("chat_lost");
    watch.start();
    await clock.advance(3 * LIMITS.runWatchMs);
    expect(woken).toEqual([]);
    fails.clear();
    await clock.advance(LIMITS.runWatchMs);
    await watch.stop();
    expect(woken).toEqual(["chat_lost"]);
  });
});
