import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { StackDaemon } from "../../src/stack/stack-daemon.ts";
import type { StackUser } from "../../src/stack/stack-user.ts";
import { eventually } from "../support/eventually.ts";
import {
  holdLink,
  letToolEnd,
  MOMENTS,
  type Moment,
  type Phase,
  type Probe,
  toolRuns,
} from "./support/call-moments.ts";
import { ClientChat, succeeded } from "./support/client-chat.ts";
import { COUNTER, countsIn, measured } from "./support/counts.ts";
import { at, type FaultStack, portOf, startFaultStack } from "./support/fault-stack.ts";
import { type Conversation, MARK, shell } from "./support/script.ts";

const VICTIMS = ["worker", "gateway", "API replica", "daemon"] as const;
type Victim = (typeof VICTIMS)[number];

const MINUTE = 60_000;
/** Between the answer's first words and its tool call: the time to hold what is to be held. */
const THINKING_MS = 600;

const SCRIPT: readonly Conversation[] = [
  {
    match: "count mark=",
    turns: [
      {
        capture: MARK,
        steps: [
          { text: "Counting {{mark}}." },
          { delay_ms: THINKING_MS },
          shell(
            "count",
            `echo {{mark}} >> ${COUNTER}; while [ ! -e go-{{mark}} ]; do sleep 0.02; done; echo counted {{mark}}`,
          ),
        ],
      },
      { steps: [{ delay_ms: THINKING_MS }, { text: "The tool said: {{result.count}}" }] },
    ],
  },
];

describe("a process killed while a tool call is under way", () => {
  let world: FaultStack;
  let user: StackUser;
  let daemon: StackDaemon;
  const totals = { kills: 0, lost: 0, doubled: 0, unknown: 0, streamFaults: 0, slowestMs: 0 };

  beforeAll(async () => {
    world = await startFaultStack({ apis: 2, gateways: 2, workers: 1, script: SCRIPT });
    user = await world.stack.signUp("alice");
    daemon = await world.stack.startDaemon(user, { name: "laptop" });
  }, 2 * MINUTE);

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    measured(
      "SIGKILL at each state of a tool call",
      `${totals.kills} kills, ${totals.lost} lost, ${totals.doubled} doubled, ${totals.unknown} unknown (daemon killed while it ran, or with the grant on its way), ${totals.streamFaults} transcripts other than streamed, slowest end ${totals.slowestMs} ms after the kill`,
    );
  });

  for (const victim of VICTIMS) {
    for (const moment of MOMENTS) {
      test(
        `loses and doubles nothing: ${victim}, ${moment.name}`,
        async () => {
          await eventually("the daemon to be connected", async () => (await world.ledger.daemon(daemon.id)).connected);
          await aimClients(victim);
          const mark = `${victim}-${moment.name}`.replaceAll(/\W+/g, "-");
          const end = await underway(moment, mark, () => killed(victim));
          const starts = (await countsIn(daemon.root)).get(mark) ?? 0;
          const [call] = end.calls;
          // What the daemon had asked may still come in, and the grant goes to a process that is gone. Another one of the
          // same journal is not granted it: the journal may be a copy from before the start.
          const isGrantedToNobody =
            victim === "daemon" && moment.name === "dispatched, offered to the daemon" && call?.end === "unknown";
          const isUnknown = isGrantedToNobody || (victim === "daemon" && moment.name === "running");
          totals.kills += 1;
          totals.lost += (starts === 0 && !isGrantedToNobody) || end.calls.length !== 1 ? 1 : 0;
          totals.doubled += starts > 1 ? 1 : 0;
          totals.unknown += call?.end === "unknown" ? 1 : 0;
          totals.streamFaults += end.streamFaults.length > 0 ? 1 : 0;
          expect(starts).toBe(isGrantedToNobody ? 0 : 1);
          expect(end.streamFaults).toEqual([]);
          expect(succeeded(end)).toBe(true);
          expect(end.calls.map((one) => [one.end, one.results])).toEqual([[isUnknown ? "unknown" : "succeeded", 1]]);
          expect(end.lastAnswer).toMatch(
            isUnknown ? /Nobody can tell how this tool call ended/ : new RegExp(`counted ${mark}`),
          );
        },
        2 * MINUTE,
      );
    }
  }

  /** Lets clients and daemon be at the first replica, so that it is known whom to kill, and go to any from then on. */
  async function aimClients(victim: Victim): Promise<void> {
    const { apis, gateways } = world.stack;
    world.link("client-api").setUpstreams((victim === "API replica" ? apis.slice(0, 1) : apis).map(portOf));
    if (victim !== "gateway") return;
    const { epoch } = await world.ledger.daemon(daemon.id);
    world.link("daemon-gateway").setUpstreams(gateways.slice(0, 1).map(portOf));
    world.link("daemon-gateway").dropConnections();
    await eventually("the daemon to be at the first gateway", async () => {
      const now = await world.ledger.daemon(daemon.id);
      return now.connected && now.epoch > epoch;
    });
    world.link("daemon-gateway").setUpstreams(gateways.map(portOf));
  }

  /** Brings a call to the moment, does the harm there, lets everything go on, and waits for the chat's end. */
  async function underway(moment: Moment, mark: string, harm: () => Promise<() => Promise<void>>) {
    let release: () => void = () => undefined;
    const holdFrom = (phase: Phase) => {
      if (moment.hold?.from === phase) release = holdLink(world, moment.hold.link, moment.hold.directions);
    };
    holdFrom("before");
    const chat = await ClientChat.start(world.stack.apiUrl, user, daemon, `count mark=${mark}`);
    world.link("client-api").setUpstreams(world.stack.apis.map(portOf));
    const probe: Probe = { world, daemon, chatId: chat.chatId, mark };
    await eventually("the model to answer", async () => (await world.ledger.answers(chat.chatId)) > 0);
    holdFrom("answering");
    if (moment.hold?.from === "tool runs") await eventually("the tool to run", () => toolRuns(probe));
    holdFrom("tool runs");
    if (moment.toolEnds) await letToolEnd(daemon, mark);
    await eventually(`the call to be ${moment.name}`, () => moment.isReached(probe));
    const killedAtMs = performance.now();
    const bringBack = await harm();
    release();
    await bringBack();
    await letToolEnd(daemon, mark);
    const end = await chat.ended();
    totals.slowestMs = Math.max(totals.slowestMs, Math.round(performance.now() - killedAtMs));
    return end;
  }

  /** Kills the one that holds the call, the connection or the stream; gives how it comes back. */
  async function killed(victim: Victim): Promise<() => Promise<void>> {
    const { workers, gateways, apis } = world.stack;
    if (victim === "daemon") {
      await daemon.kill9();
      return () => daemon.restart();
    }
    const role = at(victim === "worker" ? workers : victim === "gateway" ? gateways : apis, 0);
    await role.kill9();
    return async () => {
      await role.start();
    };
  }
});
