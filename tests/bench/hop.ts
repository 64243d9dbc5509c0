import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { BoundedQueue } from "../../src/core/bounded-queue.ts";
import { systemClock } from "../../src/core/clock.ts";
import { logger } from "../../src/core/logger.ts";
import { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { CallResult_Ending, type ConnectRequest, ConnectRequestSchema } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { openNats } from "../../src/nats/nats-connection.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../../src/routing/nats-tool-bridge.ts";
import { FakeStore } from "../support/fake-store.ts";
import { requestOf } from "../support/gateway-world.ts";
import { startNats } from "../support/nats-server.ts";
import { type Figure, type PartReport, spreadOf, timeOf } from "./figures.ts";

type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;

const DAEMONS = 200;
const USER_ID = "usr_ada";
/** Callers at once, and the calls that they make together. */
const LOADS = [
  { callers: 1, calls: 2_000 },
  { callers: 50, calls: 20_000 },
  { callers: 200, calls: 20_000 },
] as const;

/**
 * The hop alone: router → NATS → bridge → session → daemon's frames → back → ring, over a store in memory and streams in
 * this process. Everything shares one core with the daemons.
 */
export async function measureHop(): Promise<PartReport> {
  await using cleanup = new AsyncDisposableStack();
  const server = cleanup.use(await startNats());
  const log = logger("bench");
  const link = async (name: string) => {
    const opened = await openNats({ url: server.url, name, log }, AbortSignal.timeout(10_000));
    cleanup.defer(() => opened.close());
    return opened;
  };
  const store = new FakeStore();
  const check = createMessageCheck();
  const deps = { gatewayId: "gtw_bench", store, hub: { publish: () => undefined }, check, clock: systemClock, log };
  const service = new ToolsDaemonService(deps);
  service.start();
  const bridge = new NATSToolBridge({
    ...{ link: await link("gateway"), host: service, toolCalls: store.toolCalls },
    ...{ check, log },
  });
  bridge.start();
  cleanup.defer(() => bridge.close());
  cleanup.defer(() => service.close());
  const router = new NATSDaemonRouter({ store, link: await link("worker"), clock: systemClock });
  cleanup.defer(() => router.close());

  const ids = Array.from({ length: DAEMONS }, (_, index) => `dmn_${index}`);
  await Promise.all(ids.map((id) => connectDaemon(service, id)));
  const figures: Figure[] = [];
  for (const load of LOADS) figures.push(...(await measureLoad(router, store, ids, load)));
  return { figures };
}

async function measureLoad(
  router: NATSDaemonRouter,
  store: FakeStore,
  daemonIds: readonly string[],
  { callers, calls }: (typeof LOADS)[number],
): Promise<Figure[]> {
  const took: number[] = [];
  let left: number = calls;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      const call = store.request(USER_ID);
      const request = requestOf(call, daemonIds[left % daemonIds.length] ?? "");
      took.push(await timeOf(() => router.sendToolRequestSync(request, AbortSignal.timeout(60_000))));
      store.calls.delete(call.id);
    }
  };
  const totalMs = await timeOf(() => Promise.all(Array.from({ length: callers }, caller)));
  const { p50, p99 } = spreadOf(took);
  const what = `hop alone, ${daemonIds.length} daemons, ${callers} at once`;
  return [
    { what: `${what}: calls`, value: (1000 * calls) / totalMs, unit: "/s" },
    { what: `${what}: p50`, value: p50, unit: "ms" },
    { what: `${what}: p99`, value: p99, unit: "ms" },
  ];
}

/** A daemon that answers ready, then its result, as fast as it can. */
async function connectDaemon(service: ToolsDaemonService, daemonId: string): Promise<void> {
  const frames = new BoundedQueue<ConnectRequest>(10_000);
  const send = (frame: Frame) => frames.push(create(ConnectRequestSchema, { frame }));
  const journalId = `jrn_${daemonId}`;
  const hello = { daemonId, instanceId: `ins_${daemonId}`, journalId, startCount: 1n, protocolVersion: 1 };
  send({ case: "hello", value: hello });
  const identity = { userId: USER_ID, scope: "daemon" } as const;
  const responses = service.connect(frames, { identity, signal: new AbortController().signal });
  const welcomed = Promise.withResolvers<void>();
  const answer = async () => {
    for await (const { frame } of responses) {
      if (frame.case === "welcome") welcomed.resolve();
      if (frame.case === "offer") {
        const stamp = { wallMs: 1n, monotonicMs: 1n };
        send({ case: "ready", value: { toolCallId: frame.value.toolCallId, journalId, stamp } });
      }
      if (frame.case === "grant") {
        const { toolCallId } = frame.value;
        const result = { text: "x".repeat(1024) };
        send({ case: "result", value: { toolCallId, journalId, ending: CallResult_Ending.FINISHED, result } });
      }
    }
  };
  // Ends with an error when the service is closed.
  answer().catch((error) => welcomed.reject(error));
  await welcomed.promise;
}
