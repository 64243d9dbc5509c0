import type { StackDaemon } from "../../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../../src/stack/stack-user.ts";
import { startToxicProxy, type ToxicProxy } from "../../../src/stack/toxic-proxy.ts";
import { type ChatEnd, ClientChat, succeeded } from "./client-chat.ts";
import { COUNTER, countsIn } from "./counts.ts";
import { type FaultStack, portOf } from "./fault-stack.ts";
import { type Conversation, MARK, shell } from "./script.ts";

/** A user and the one daemon that the user's chats work on. */
export interface Desk {
  readonly user: StackUser;
  readonly daemon: StackDaemon;
}

/** A desk whose daemon reaches the gateways through a proxy of its own. */
export interface ProxiedDesk extends Desk {
  readonly proxy: ToxicProxy;
}

/** Tool calls of one chat of the load. */
const CALLS = 4;

/** What the model plays in each chat of the load: calls one after the other, each counts itself. */
export const LOAD_SCRIPT: Conversation = {
  match: "load mark=",
  turns: [
    ...Array.from({ length: CALLS }, (_, index) => ({
      ...(index === 0 ? { capture: MARK } : {}),
      steps: [
        { text: "Call {{mark}}." },
        shell(`c${index}`, `echo {{mark}}-${index} >> ${COUNTER}; sleep 0.2; echo did {{mark}}-${index}`),
      ],
    })),
    { steps: [{ text: "Done {{mark}}." }] },
  ],
};

/** As many users as that, each with one daemon that is connected. */
export function openDesks(world: FaultStack, count: number): Promise<Desk[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const user = await world.stack.signUp(`user-${index}`);
      return { user, daemon: await world.stack.startDaemon(user, { name: `daemon-${index}` }) };
    }),
  );
}

/** The same, each daemon behind a proxy of its own that ends with `closing`. */
export function openProxiedDesks(
  world: FaultStack,
  count: number,
  closing: AsyncDisposableStack,
): Promise<ProxiedDesk[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const upstreams = world.stack.gateways.map(portOf);
      const proxy = closing.use(await startToxicProxy({ name: `daemon-${index}`, upstreams }));
      const user = await world.stack.signUp(`user-${index}`);
      const gatewayUrl = `http://127.0.0.1:${proxy.port}`;
      return { user, proxy, daemon: await world.stack.startDaemon(user, { name: `daemon-${index}`, gatewayUrl }) };
    }),
  );
}

export interface LoadReport {
  readonly chats: number;
  readonly calls: number;
  readonly reconnects: number;
  readonly slowestMs: number;
  /** All that is not as it should be, in words; empty when nothing was lost, doubled, failed or streamed otherwise. */
  readonly faults: readonly string[];
}

/** Chat after chat on each desk, some at a time, until it is told to stop. */
export class Load {
  private readonly stopping = new AbortController();
  private readonly ends: { readonly desk: Desk; readonly mark: string; readonly end: ChatEnd; readonly ms: number }[] =
    [];
  private readonly lanes: Promise<void>[];

  constructor(
    private readonly world: FaultStack,
    private readonly desks: readonly Desk[],
    /** One word that no other load on these desks has. */
    label: string,
    lanesPerDesk: number,
  ) {
    this.lanes = desks.flatMap((desk, number) =>
      Array.from({ length: lanesPerDesk }, (_, lane) => this.talk(desk, `${label}-d${number}l${lane}`)),
    );
    // Awaited by `stop`, perhaps long after one was rejected.
    for (const lane of this.lanes) lane.catch(() => this.stopping.abort());
  }

  /** Chats that have ended so far. */
  get ended(): number {
    return this.ends.length;
  }

  /** Begins no chat any more, waits for the ends of those under way, and compares all of them with what the tools counted. */
  async stop(): Promise<LoadReport> {
    this.stopping.abort();
    await Promise.all(this.lanes);
    const counts = new Map(
      await Promise.all(this.desks.map(async ({ daemon }) => [daemon, await countsIn(daemon.root)] as const)),
    );
    return {
      chats: this.ends.length,
      calls: this.ends.reduce((sum, { end }) => sum + end.calls.length, 0),
      reconnects: this.ends.reduce((sum, { end }) => sum + end.reconnects, 0),
      slowestMs: Math.round(Math.max(0, ...this.ends.map(({ ms }) => ms))),
      faults: this.ends.flatMap(({ desk, mark, end }) => faultsOf(mark, end, counts.get(desk.daemon) ?? new Map())),
    };
  }

  private async talk({ user, daemon }: Desk, lane: string): Promise<void> {
    for (let number = 0; !this.stopping.signal.aborted; number++) {
      const mark = `${lane}n${number}`;
      const begunAtMs = performance.now();
      const chat = await ClientChat.start(this.world.stack.apiUrl, user, daemon, `load mark=${mark}`);
      const end = await chat.ended();
      this.ends.push({ desk: { user, daemon }, mark, end, ms: performance.now() - begunAtMs });
    }
  }
}

function faultsOf(mark: string, end: ChatEnd, counts: ReadonlyMap<string, number>): string[] {
  const faults = end.streamFaults.map((fault) => `${mark}: ${fault}`);
  if (!succeeded(end)) faults.push(`${mark}: the run failed: ${end.run.errorMessage}`);
  else if (end.lastAnswer !== `Done ${mark}.`) faults.push(`${mark}: the last answer is ${end.lastAnswer}`);
  end.calls.forEach((call, index) => {
    const starts = counts.get(`${mark}-${index}`) ?? 0;
    if (call.end !== "succeeded" || call.results !== 1)
      faults.push(`${mark}-${index}: ${call.end}, ${call.results} results`);
    if (starts !== 1) faults.push(`${mark}-${index}: started ${starts} times`);
  });
  if (end.calls.length !== CALLS) faults.push(`${mark}: ${end.calls.length} calls of ${CALLS}`);
  return faults;
}
