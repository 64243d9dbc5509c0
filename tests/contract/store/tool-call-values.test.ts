import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChatWithCalls, aClaim, aDaemon, aUser, dispatch, errorOf } from "./store-verbs.ts";

describeOnStores("what the ledger is given", (open) => {
  test("refuses a result that is larger than the ledger takes, and an unknown call by name", async () => {
    await using db = await open();
    const { store } = db;
    const { callIds } = await aChatWithCalls(store, 1);
    const [toolCallId = ""] = callIds;
    const large = { text: "x".repeat(LIMITS.toolResultTextBytes + 1), isError: false };
    const refused = await errorOf(
      store.toolCalls.finishHere({ toolCallId, journalId: "worker", ending: "finished", result: large }),
    );
    expect(refused.code).toBe("resource_exhausted");
    expect(refused.message).toContain(toolCallId);
    const missing = newId("call");
    expect(await errorOf(store.toolCalls.get(missing))).toEqual({
      code: "not_found",
      message: `tool call ${missing} is not there`,
    });
    expect(await store.toolCalls.find(missing)).toBeUndefined();
    expect(await store.toolCalls.cancelRequested(missing)).toBe(false);
  });

  test("a result may hold what Postgres stores in no text: U+0000 and lone surrogates", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    const result = { text: "a\u0000b\ud800c \u{1f600}", isError: false };
    await store.toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished", result });
    expect((await store.toolCalls.get(toolCallId)).result).toEqual(result);
  });

  test("a daemon that was never heard of cannot be dispatched to", async () => {
    await using db = await open();
    const { store, clock } = db;
    const { callIds } = await aChatWithCalls(store, 1);
    const refused = await errorOf(dispatch(store, callIds[0] ?? "", aClaim("nobody").daemonId, clock.now()));
    expect(refused.code).toBe("failed_precondition");
  });
});
