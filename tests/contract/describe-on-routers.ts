import { afterAll, beforeAll, describe } from "bun:test";
import type { ToolCall } from "../../src/chat/tool-call.ts";
import { newId } from "../../src/core/ids.ts";
import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { eventually } from "../support/eventually.ts";
import type { FrameDaemon } from "../support/frame-daemon.ts";
import { ROUTER_DRIVERS, type RouterDriver, type RouterWorld } from "../support/router-world.ts";
import { aChat, aChatWithCalls, begin, say, toolCallBlock } from "./store/store-verbs.ts";

/** One suite, on every driver of the router: `open` gives a test its own store, gateways and routers. */
export function describeOnRouters(what: string, suite: (open: () => Promise<RouterWorld>) => void): void {
  for (const { name, start } of ROUTER_DRIVERS) {
    describe(`${what}, by ${name}`, () => {
      let driver: RouterDriver | undefined;
      beforeAll(async () => {
        driver = await start();
      }, 60_000);
      afterAll(async () => {
        await driver?.[Symbol.asyncDispose]();
      }, 60_000);
      suite(() => {
        if (driver === undefined) throw new Error(`the driver of ${name} was not started`);
        return driver.open();
      });
    });
  }
}

/** Until a test must have what it waits for. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(20_000);
}

/** A call that stands in the ledger as requested. */
export async function aCall(
  { store }: RouterWorld,
  userId: string,
  input?: { readonly command: string },
): Promise<ToolCall> {
  if (input === undefined) {
    const { callIds } = await aChatWithCalls(store, 1, userId);
    return store.toolCalls.get(callIds[0] ?? "");
  }
  const { run } = await say(store, await aChat(store, userId), "use your tools");
  const toolCallId = newId("call");
  const blocks = [toolCallBlock(toolCallId, input)];
  await store.turns.completeAnswer(await begin(store, run.id), { state: "complete", blocks });
  return store.toolCalls.get(toolCallId);
}

/** The gateway with that number; the first one where there are fewer. */
export function gateway(world: RouterWorld, index: number): ToolsDaemonService {
  return world.gateways[index] ?? world.gateways[0];
}

export async function connected(world: RouterWorld, userId: string, index = 0): Promise<FrameDaemon> {
  const daemon = world.daemon(userId);
  await daemon.connect(gateway(world, index));
  return daemon;
}

export async function reaches(world: RouterWorld, call: ToolCall, state: ToolCall["state"]): Promise<void> {
  await eventually(`state ${state}`, async () => (await world.store.toolCalls.get(call.id)).state === state);
}
