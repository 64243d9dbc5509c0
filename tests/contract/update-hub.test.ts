import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LIMITS } from "../../src/core/limits.ts";
import { logger } from "../../src/core/logger.ts";
import { type NatsLink, openNats } from "../../src/nats/nats-connection.ts";
import { MemoryUpdateHub } from "../../src/updates/memory-update-hub.ts";
import { NATSUpdateHub } from "../../src/updates/nats-update-hub.ts";
import type { HubEvent, UpdateHub } from "../../src/updates/update-hub.ts";
import { eventually } from "../support/eventually.ts";
import { type OwnNatsServer, startNats } from "../support/nats-server.ts";

const log = logger("test");

/** Two hubs that hear each other: in one process the same one, over NATS those of two processes. */
interface HubPair extends AsyncDisposable {
  readonly here: UpdateHub;
  readonly there: UpdateHub;
}

let server: OwnNatsServer;
beforeAll(async () => {
  server = await startNats();
}, 60_000);
afterAll(() => server.stop());

function openLink(): Promise<NatsLink> {
  return openNats({ url: server.url, name: "test", log }, AbortSignal.timeout(10_000));
}

const DRIVERS: readonly { readonly name: string; open(): Promise<HubPair> }[] = [
  {
    name: "MemoryUpdateHub",
    open: async () => {
      const hub = new MemoryUpdateHub(log);
      return { here: hub, there: hub, [Symbol.asyncDispose]: () => hub.close() };
    },
  },
  {
    name: "NATSUpdateHub",
    open: async () => {
      const links = [await openLink(), await openLink()] as const;
      const [here, there] = links.map((link) => new NATSUpdateHub({ link, log }));
      if (here === undefined || there === undefined) throw new Error("two links give two hubs");
      return {
        here,
        there,
        [Symbol.asyncDispose]: async () => {
          await Promise.all([here.close(), there.close()]);
          await Promise.all(links.map((link) => link.close()));
        },
      };
    },
  },
];

function sequence(number: number, chatId = "chat_1", userId = "usr_ada"): HubEvent {
  return { kind: "chat_sequence", userId, chatId, sequence: number };
}

function delta(text: string, userId = "usr_ada"): HubEvent {
  const block = {
    chatId: "chat_1",
    messageId: "msg_1",
    attempt: 1,
    blockIndex: 0,
    blockKind: "text",
    offset: 0,
  } as const;
  return { kind: "delta", userId, delta: { ...block, text } };
}

async function listen(hub: UpdateHub, userId: string) {
  const heard = { events: [] as HubEvent[], losses: 0 };
  const subscription = hub.subscribe(userId, {
    onEvent: (event) => void heard.events.push(event),
    onLoss: () => {
      heard.losses += 1;
    },
  });
  await subscription.ready;
  return { heard, close: () => subscription.close() };
}

describe.each(DRIVERS)("an update hub: $name", ({ open }) => {
  test("brings every kind of event, as it was, to all who listen for the user", async () => {
    await using pair = await open();
    const listeners = [
      await listen(pair.here, "usr_ada"),
      await listen(pair.there, "usr_ada"),
      await listen(pair.there, "usr_ada"),
    ];
    const events: HubEvent[] = [
      delta("hé"),
      {
        kind: "tool_output",
        userId: "usr_ada",
        chunk: { chatId: "chat_1", toolCallId: "call_1", channel: "stderr", offset: 3, data: "aGk=", gapBytes: 2 },
      },
      { kind: "user_sequence", userId: "usr_ada", sequence: 4 },
      sequence(9),
    ];
    for (const event of events) pair.here.publish(event);
    for (const { heard } of listeners) {
      await eventually("all events", () => heard.events.length === events.length);
      expect(heard.events.toSorted(byKind)).toEqual(events.toSorted(byKind));
    }
  });

  test("tells nobody of another user's events", async () => {
    await using pair = await open();
    const [ada, bob] = [await listen(pair.there, "usr_ada"), await listen(pair.there, "usr_bob")];
    pair.here.publish(delta("hers"));
    pair.here.publish(delta("his", "usr_bob"));
    await eventually("both", () => ada.heard.events.length + bob.heard.events.length === 2);
    expect(ada.heard.events).toEqual([delta("hers")]);
    expect(bob.heard.events).toEqual([delta("his", "usr_bob")]);
  });

  test("keeps the order of deltas", async () => {
    await using pair = await open();
    const { heard } = await listen(pair.there, "usr_ada");
    const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
    for (const text of texts) pair.here.publish(delta(text));
    await eventually("all deltas", () => heard.events.length === texts.length);
    expect(heard.events).toEqual(texts.map((text) => delta(text)));
  });

  test("brings at least the newest number of each chat", async () => {
    await using pair = await open();
    const { heard } = await listen(pair.there, "usr_ada");
    for (let number = 1; number <= 100; number++) {
      pair.here.publish(sequence(number, "chat_1"));
      pair.here.publish(sequence(number * 2, "chat_2"));
    }
    const newest = [sequence(100, "chat_1"), sequence(200, "chat_2")];
    await eventually("the newest", () =>
      newest.every((event) => heard.events.some((each) => Bun.deepEquals(each, event))),
    );
    expect(heard.losses).toBe(0);
  });

  test("calls nobody before publish has returned, and nobody who has closed", async () => {
    await using pair = await open();
    const [stays, leaves] = [await listen(pair.here, "usr_ada"), await listen(pair.here, "usr_ada")];
    pair.here.publish(delta("a"));
    expect(stays.heard.events).toEqual([]);
    leaves.close();
    pair.here.publish(delta("b"));
    await eventually("both events", () => stays.heard.events.length === 2);
    expect(leaves.heard.events).toEqual([]);
  });

  test("drops what a full queue cannot hold, and says so once", async () => {
    await using pair = await open();
    const { heard } = await listen(pair.here, "usr_ada");
    // One turn of the event loop holds them all back.
    const text = "x".repeat(10);
    for (let index = 0; index < 40 * LIMITS.subscriberQueue; index++) pair.here.publish(delta(text));
    await eventually("the loss to be told", () => heard.losses > 0);
    // The loss may be told while more than a queue holds is still on its way: what comes then is lost as well.
    await eventually("what comes after", () => {
      pair.here.publish(delta("after"));
      return heard.events.some((event) => Bun.deepEquals(event, delta("after")));
    });
    expect(heard.events.length).toBeLessThan(40 * LIMITS.subscriberQueue);
  });

  test("goes on when a subscriber throws", async () => {
    await using pair = await open();
    const failing = pair.here.subscribe("usr_ada", {
      onEvent: () => {
        throw new Error("a bug");
      },
      onLoss: () => undefined,
    });
    await failing.ready;
    const { heard } = await listen(pair.here, "usr_ada");
    pair.here.publish(delta("a"));
    pair.here.publish(delta("b"));
    await eventually("both events", () => heard.events.length === 2);
  });

  test("answers its check, and is silent after it was closed", async () => {
    await using pair = await open();
    await pair.here.check(AbortSignal.timeout(5_000));
    const { heard } = await listen(pair.here, "usr_ada");
    await pair.here.close();
    pair.here.publish(delta("late"));
    await Bun.sleep(0);
    expect(heard.events).toEqual([]);
    await pair.here.close();
  });
});

describe("the hub over NATS", () => {
  test("tells everybody who listens that something may be missing when its connection was away", async () => {
    await using own = await startNats();
    const link = await openNats({ url: own.url, name: "test", log }, AbortSignal.timeout(10_000));
    const hub = new NATSUpdateHub({ link, log });
    const listeners = [await listen(hub, "usr_ada"), await listen(hub, "usr_bob")];
    await own.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);
    hub.publish(delta("lost"));
    hub.publish(sequence(1));
    await expect(hub.check(AbortSignal.timeout(5_000))).rejects.toThrow("reach NATS");
    await own.restart();
    for (const { heard } of listeners) await eventually("the loss to be told", () => heard.losses === 1);
    const [ada] = listeners;
    await eventually("events to come again", () => {
      hub.publish(delta("again"));
      return ada?.heard.events.some((event) => Bun.deepEquals(event, delta("again")));
    });
    expect(ada?.heard.events).not.toContainEqual(delta("lost"));
    await hub.close();
    await link.close();
  }, 60_000);

  test("tells who subscribes while its connection is away so, and brings a loss and events when it is back", async () => {
    await using own = await startNats();
    const link = await openNats({ url: own.url, name: "test", log }, AbortSignal.timeout(10_000));
    const hub = new NATSUpdateHub({ link, log });
    await own.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);
    const heard = { events: [] as HubEvent[], losses: 0 };
    const subscription = hub.subscribe("usr_ada", {
      onEvent: (event) => void heard.events.push(event),
      onLoss: () => {
        heard.losses += 1;
      },
    });
    await expect(subscription.ready).rejects.toThrow("NATS is away");
    await own.restart();
    await eventually("the loss to be told", () => heard.losses === 1);
    await eventually("events to come", () => {
      hub.publish(delta("again"));
      return heard.events.some((event) => Bun.deepEquals(event, delta("again")));
    });
    await hub.close();
    await link.close();
  }, 60_000);

  test("sends one announcement a chat and tick", async () => {
    const link = await openLink();
    const hub = new NATSUpdateHub({ link, log });
    const seen: string[] = [];
    const spy = link.connection.subscribe("updates.usr_tick", {
      callback: (_, message) => void seen.push(message.string()),
    });
    await link.flush();
    for (let number = 1; number <= 50; number++) hub.publish(sequence(number, "chat_1", "usr_tick"));
    hub.publish(sequence(7, "chat_1", "usr_tick"));
    await eventually("the announcement", () => seen.length > 0);
    await link.flush();
    expect(seen.map((body) => JSON.parse(body).event.sequence)).toEqual([50]);
    spy.unsubscribe();
    await hub.close();
    await link.close();
  });

  test("passes what is too large for a message on as a loss", async () => {
    const link = await openLink();
    const hub = new NATSUpdateHub({ link, log });
    const { heard } = await listen(hub, "usr_large");
    hub.publish(delta("x".repeat(LIMITS.natsBodyBytes), "usr_large"));
    await eventually("the loss to be told", () => heard.losses === 1);
    expect(heard.events).toEqual([]);
    await hub.close();
    await link.close();
  });

  test.each([
    "nonsense",
    "{}",
    '{"kind":"event","event":{"kind":"chat_sequence","userId":"usr_other","chatId":"c","sequence":1}}',
  ])("lets %s pass unheard", async (body) => {
    const link = await openLink();
    const hub = new NATSUpdateHub({ link, log });
    const { heard } = await listen(hub, "usr_odd");
    link.connection.publish("updates.usr_odd", body);
    hub.publish(delta("good", "usr_odd"));
    await eventually("the good one", () => heard.events.length > 0);
    expect(heard).toEqual({ events: [delta("good", "usr_odd")], losses: 0 });
    await hub.close();
    await link.close();
  });

  test("subscribes once for a user however many listen, and not at all after the last has gone", async () => {
    await using own = await startNats();
    const link = await openNats({ url: own.url, name: "test", log }, AbortSignal.timeout(10_000));
    const hub = new NATSUpdateHub({ link, log });
    const count = async () => {
      const told = await (await fetch(`${own.monitorUrl}/connz`)).text();
      return Number(/"subscriptions":\s*(\d+)/.exec(told)?.[1]);
    };
    const listeners = await Promise.all(Array.from({ length: 10 }, () => listen(hub, "usr_ada")));
    expect(await count()).toBe(1);
    for (const listener of listeners) listener.close();
    await eventually("the subscription to end", async () => (await count()) === 0);
    await hub.close();
    await link.close();
  }, 60_000);
});

function byKind(a: HubEvent, b: HubEvent): number {
  return a.kind.localeCompare(b.kind);
}
