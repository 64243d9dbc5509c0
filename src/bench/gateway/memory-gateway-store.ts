import type { GatewayStore } from "../../gateway/gateway-store.ts";

interface Row {
  epoch: number;
  readonly userId: string;
}

/**
 * A store for figures of the hop alone: it knows the daemons' epochs and nothing else. Every ready is granted and every
 * result is an outcome; nothing of them is kept.
 */
export function memoryGatewayStore(): GatewayStore {
  const rows = new Map<string, Row>();
  const holds = (fence: { readonly daemonId: string; readonly epoch: number }) =>
    rows.get(fence.daemonId)?.epoch === fence.epoch;
  return {
    daemons: {
      async hello({ daemonId, userId }) {
        const row = rows.get(daemonId) ?? { epoch: 0, userId };
        row.epoch += 1;
        rows.set(daemonId, row);
        return { kind: "taken", epoch: row.epoch };
      },
      markConnected: async (fence) => holds(fence),
      markDisconnected: async () => undefined,
      touch: () => undefined,
      supersededAmong: async (fences) =>
        new Set(fences.filter((fence) => !holds(fence)).map(({ daemonId }) => daemonId)),
    },
    toolCalls: {
      find: async () => undefined,
      daemonReady: async (fence) => (holds(fence) ? { kind: "answer", answer: "grant" } : { kind: "fenced" }),
      daemonResult: async (fence) =>
        holds(fence) ? { kind: "answer", answer: "ack", outcome: "succeeded" } : { kind: "fenced" },
    },
    tokens: { invalidAmong: async () => new Set() },
    updates: { saveLiveOutput: () => undefined },
  };
}
