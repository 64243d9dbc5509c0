import { join } from "node:path";
import type { Secret } from "../config/secret.ts";
import { systemClock } from "../core/clock.ts";
import { logger } from "../core/logger.ts";
import { type NatsLink, openNats } from "../nats/nats-connection.ts";
import { connecting } from "../ops/readiness.ts";
import { openStore } from "../store/kysely/kysely-store.ts";
import type { Announcement, Store } from "../store/store.ts";
import { NATSUpdateHub } from "../updates/nats-update-hub.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import type { ServerParts } from "./server-process.ts";

interface BackendSettings {
  readonly dbDriver: "sqlite" | "postgres";
  readonly dbUrl: Secret | undefined;
  readonly dataDir: string;
  readonly natsUrl: Secret;
}

/** What all servers share: the database, NATS and the hub on it. Each is waited for, and `/ready` says which is missing. */
export interface Backends {
  readonly store: Store;
  readonly nats: NatsLink;
  readonly hub: UpdateHub;
}

/** The names of their checks in `/ready`. */
export const BACKEND_CHECKS = ["postgres", "nats", "hub"] as const;

export async function openBackends(name: string, settings: BackendSettings, parts: ServerParts): Promise<Backends> {
  let announce: (announcement: Announcement) => void = () => {};
  const [store, { nats, hub }] = await Promise.all([
    openDatabase(settings, parts, (announcement) => announce(announcement)),
    openHub(name, settings, parts),
  ]);
  announce = (announcement) => hub.publish(announcement);
  return { store, nats, hub };
}

async function openHub(name: string, settings: BackendSettings, parts: ServerParts) {
  const { readiness, closing, signal } = parts;
  const nats = await openNats(
    {
      url: settings.natsUrl.reveal(),
      name: `reliant ${name}`,
      log: logger("nats"),
      onAttemptFailed: (reason) =>
        readiness.set(
          "nats",
          connecting(() => reason),
        ),
    },
    signal,
  );
  closing.defer(() => nats.close());
  readiness.set("nats", (ends) => nats.check(ends));
  const hub = new NATSUpdateHub({ link: nats, log: logger("updates") });
  closing.defer(() => hub.close());
  readiness.set("hub", (ends) => hub.check(ends));
  return { nats, hub };
}

async function openDatabase(
  settings: BackendSettings,
  { readiness, closing, signal }: ServerParts,
  announce: (announcement: Announcement) => void,
): Promise<Store> {
  const log = logger("store");
  const where =
    settings.dbDriver === "sqlite"
      ? { file: join(settings.dataDir, "reliant.db") }
      : { url: settings.dbUrl?.reveal() ?? "" };
  const store = await openStore({
    driver: settings.dbDriver,
    ...where,
    clock: systemClock,
    announce,
    signal,
    onAttemptFailed: ({ number, error, retryInMs }) => {
      log.warning("the database is away, trying again", { attempt: number, reason: error.message, retryInMs });
      readiness.set(
        "postgres",
        connecting(() => error.message),
      );
    },
  });
  closing.defer(() => store.close());
  readiness.set("postgres", (ends) => store.check(ends));
  return store;
}
