import type { DaemonFence, Daemons } from "../../src/store/daemons.ts";
import type { Store } from "../../src/store/store.ts";
import type { ToolCalls } from "../../src/store/tool-calls.ts";
import { claims } from "./claims.ts";
import type { StoreWatch } from "./store-watch.ts";
import type { World } from "./world.ts";

type Marks = Pick<Daemons, "hello" | "markConnected" | "markDisconnected">;

/** The store, with what each write is for told to whoever looks at its commit. `batched`: hellos and marks are these. */
export function watchedStore(store: Store, world: World, watch: StoreWatch, batched: Marks | undefined): Store {
  const { users, tokens, daemons, projects, chats, turns, toolCalls, approvals, workflows, updates, outbox } = store;
  return {
    ...{ users, tokens, projects, chats, turns, approvals, workflows, updates, outbox },
    toolCalls: bound(toolCalls, watchedCalls(toolCalls)),
    daemons: bound(daemons, watchedMarks(batched ?? claimed(daemons), world, watch)),
    check: (signal) => store.check(signal),
    stats: () => store.stats(),
    close: () => store.close(),
  };
}

function watchedCalls(calls: ToolCalls): Partial<ToolCalls> {
  return {
    dispatch: (call) =>
      claims.run({ kind: "call", toolCallId: call.toolCallId, event: { kind: "dispatch" } }, () =>
        calls.dispatch(call),
      ),
    startHere: (call) => {
      const { toolCallId, journalId } = call;
      return claims.run({ kind: "call", toolCallId, event: { kind: "start_here", journalId } }, () =>
        calls.startHere(call),
      );
    },
    finishHere: (call) => {
      const { toolCallId, journalId, ending } = call;
      const event = { kind: "result", journalId, ending } as const;
      return claims.run({ kind: "call", toolCallId, event }, () => calls.finishHere(call));
    },
    daemonReady: (fence, ready) => {
      const { toolCallId, journalId } = ready;
      const event = { kind: "ready", journalId } as const;
      return claims.run({ kind: "call", toolCallId, event, fence }, () => calls.daemonReady(fence, ready));
    },
    daemonResult: (fence, result) => {
      const { toolCallId, journalId, ending } = result;
      const event = { kind: "result", journalId, ending } as const;
      return claims.run({ kind: "call", toolCallId, event, fence }, () => calls.daemonResult(fence, result));
    },
    endBeforeRunning: (call) => {
      const { toolCallId, outcome } = call;
      const event = { kind: "end_before_running", outcome } as const;
      return claims.run({ kind: "call", toolCallId, event }, () => calls.endBeforeRunning(call));
    },
    markUnreachable: (toolCallId, reason) =>
      claims.run({ kind: "call", toolCallId, event: { kind: "unreachable" } }, () =>
        calls.markUnreachable(toolCallId, reason),
      ),
  };
}

/** One daemon's mark at a time: its own right alone. */
function claimed(daemons: Daemons): Marks {
  const alone = <T>(fence: DaemonFence, mark: () => Promise<T>) => claims.run({ kind: "marks", fences: [fence] }, mark);
  return {
    hello: (claim, signal) => daemons.hello(claim, signal),
    markConnected: (fence, nowMs) => alone(fence, () => daemons.markConnected(fence, nowMs)),
    markDisconnected: (fence) => alone(fence, () => daemons.markDisconnected(fence)),
  };
}

function watchedMarks(marks: Marks, { reach }: World, watch: StoreWatch): Marks {
  const noted = (isInForce: boolean) =>
    reach.note(isInForce ? "mark: of an epoch that is in force" : "mark: of an older epoch");
  return {
    hello: async (claim, signal) => {
      const answer = await marks.hello(claim, signal);
      reach.note(`hello: ${answer.kind}`);
      return answer;
    },
    markConnected: async (fence, nowMs) => {
      const stands = await marks.markConnected(fence, nowMs);
      noted(stands);
      return stands;
    },
    markDisconnected: async (fence) => {
      await marks.markDisconnected(fence);
      noted(watch.epochs.get(fence.daemonId) === fence.epoch);
    },
  };
}

/** The aggregate with some of its methods replaced. */
function bound<Aggregate extends object>(aggregate: Aggregate, changed: Partial<Aggregate>): Aggregate {
  return Object.assign(Object.create(aggregate), changed);
}
