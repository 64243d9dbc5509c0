import { describe, expect, test } from "bun:test";
import { providerAddress } from "../../../src/models/provider-address.ts";
import { SilenceWatch } from "../../../src/models/silence-watch.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function watching() {
  const clock = new ManualClock();
  const silences: number[] = [];
  const watch = new SilenceWatch(clock, 1000, () => silences.push(clock.now()));
  return { clock, watch, silences };
}

describe("a watch for silence", () => {
  test("tells once when nothing comes during a wait", async () => {
    const { clock, watch, silences } = watching();
    const wait = Promise.withResolvers<string>();
    const waiting = watch.during(wait.promise);
    await clock.advance(999);
    expect(silences).toHaveLength(0);
    await clock.advance(5000);
    expect(silences).toHaveLength(1);
    wait.resolve("late");
    expect(await waiting).toBe("late");
  });

  test("starts anew with each sign of life", async () => {
    const { clock, watch, silences } = watching();
    const wait = Promise.withResolvers<void>();
    const waiting = watch.during(wait.promise);
    for (let round = 0; round < 5; round++) {
      await clock.advance(900);
      watch.noticed();
    }
    expect(silences).toHaveLength(0);
    await clock.advance(1000);
    expect(silences).toHaveLength(1);
    wait.resolve();
    await waiting;
  });

  test("does not count the time in which nobody waits", async () => {
    const { clock, watch, silences } = watching();
    await watch.during(Promise.resolve());
    await clock.advance(60_000);
    const wait = Promise.withResolvers<void>();
    const waiting = watch.during(wait.promise);
    await clock.advance(999);
    expect(silences).toHaveLength(0);
    wait.resolve();
    await waiting;
  });
});

describe("the address of an API", () => {
  test("gets the usual path where it has none", () => {
    expect(providerAddress("http://127.0.0.1:11434", "/v1")).toBe("http://127.0.0.1:11434/v1");
    expect(providerAddress("http://127.0.0.1:11434/", "/v1")).toBe("http://127.0.0.1:11434/v1");
    expect(providerAddress("https://proxy.test/openai/v2/", "/v1")).toBe("https://proxy.test/openai/v2");
  });
});
