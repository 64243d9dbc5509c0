import { describe, expect, test } from "bun:test";
import { pollUntil } from "../../../src/stack/poll-until.ts";

describe("waiting by looking", () => {
  test("gives what is seen first, and takes an error of the look for nothing yet", async () => {
    let looks = 0;
    const seen = await pollUntil("a third look", () => {
      looks += 1;
      if (looks === 1) throw new Error("not there");
      return looks === 3 && "seen";
    });
    expect(seen).toBe("seen");
  });

  test("ends after its bound with the last error", async () => {
    const waiting = pollUntil("it", () => Promise.reject(new Error("still away")), { timeoutMs: 50 });
    await expect(waiting).rejects.toThrow("wait for it: not within 50 ms (last: still away)");
  });

  test("ends with the reason to give up", async () => {
    const waiting = pollUntil("it", () => undefined, { giveUp: () => "it has ended" });
    await expect(waiting).rejects.toThrow("wait for it: it has ended");
  });

  test("ends with the signal's reason", async () => {
    const controller = new AbortController();
    const waiting = pollUntil("it", () => undefined, { signal: controller.signal });
    controller.abort(new Error("interrupted"));
    await expect(waiting).rejects.toThrow("interrupted");
  });
});
