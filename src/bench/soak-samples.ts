import { readdirSync } from "node:fs";
import { z } from "zod";
import { childrenOf } from "../stack/child-processes.ts";
import type { StartedDaemon, StartedRole } from "./bench-roles.ts";
import type { Sample } from "./figures.ts";
import type { Installation } from "./installation.ts";
import { residentBytes } from "./proc-facts.ts";
import { openPostgresWatch, type PostgresFacts } from "./raw-postgres-facts.ts";
import { openTemporalFacts } from "./raw-temporal-history.ts";
import type { SoakSeries, SoakWatched } from "./soak-bounds.ts";

/** The processes that are watched. */
export interface SoakedRoles {
  readonly api: StartedRole;
  readonly worker: StartedRole;
  readonly gateway: StartedRole;
  readonly daemon: StartedDaemon;
}

export interface SoakSamples extends AsyncDisposable {
  readonly series: readonly SoakSeries[];
  /** Looks at everything once. */
  take(): Promise<void>;
  /** Workflows that continued as new ones so far. */
  continued(): number;
  /** The newest of those that say most, for whoever waits. */
  newest(): string;
}

const QUEUES = z.object({ writeQueueDepth: z.number(), transactionsOpen: z.number() });
const NATS = z.object({ connections: z.number(), subscriptions: z.number() });

/** Opens what is needed to look at the roles, their servers, and the workflows beyond those of the runs under way. */
export async function openSoakSamples(
  installation: Installation,
  roles: SoakedRoles,
  runs: { readonly underWay: number },
): Promise<SoakSamples> {
  const { databaseUrl, natsMonitorUrl, temporal, world } = installation;
  await using closing = new AsyncDisposableStack();
  const postgres = closing.use(openPostgresWatch(databaseUrl));
  const workflows = closing.use(
    await openTemporalFacts(`${temporal?.host}:${temporal?.port}`, temporal?.namespace ?? ""),
  );
  const series = new Map<string, SoakSeries & { readonly samples: Sample[] }>();
  const add = (what: string, watched: SoakWatched, unit: string, value: number) => {
    const known = series.get(what) ?? { what, watched, unit, samples: [] };
    known.samples.push({ atMs: performance.now(), value });
    series.set(what, known);
  };
  const ask = async <T>(url: string, shape: z.ZodType<T>) =>
    shape.parse(await (await fetch(url, { signal: world.signal })).json());
  let before: PostgresFacts | undefined;
  let continuedWorkflows = 0;
  const owned = closing.move();
  return {
    get series() {
      return [...series.values()];
    },
    async take() {
      for (const [name, { process }] of Object.entries(roles)) {
        add(`${name}: memory`, "memory", "MB", residentBytes(process.pid) / 1e6);
        add(`${name}: open files`, "handles", "", readdirSync(`/proc/${process.pid}/fd`).length);
      }
      add("daemon: children", "children", "", (await childrenOf(roles.daemon.process.pid)).length);
      const now = await postgres.now();
      add("Postgres: sessions", "sessions", "", now.sessions);
      add("Postgres: locks", "queue", "", now.locks);
      if (before !== undefined && now.messages > before.messages) {
        const rows = (now.rowsWritten - before.rowsWritten) / (now.messages - before.messages);
        add("Postgres: rows written for a message", "writes", "", rows);
      }
      before = now;
      const nats = await ask(`${natsMonitorUrl}/varz`, NATS);
      add("NATS: connections", "sessions", "", nats.connections);
      add("NATS: subscriptions", "handles", "", nats.subscriptions);
      const underWay = runs.underWay;
      const { open, longestHistory, continued } = await workflows.now();
      continuedWorkflows = continued;
      // On a busy machine more runs are under way later on: a workflow is left over where none of them needs it.
      add("Temporal: workflows left over", "workflows", "", Math.max(0, open - Math.max(underWay, runs.underWay)));
      add("Temporal: longest history", "history", "events", longestHistory);
      const queues = await ask(`${roles.api.debugUrl}/debug/db`, QUEUES);
      add("api: write queue", "queue", "entries", queues.writeQueueDepth);
      add("api: open transactions", "workflows", "", queues.transactionsOpen);
    },
    continued: () => continuedWorkflows,
    newest: () =>
      [...series.values()]
        .filter(({ watched }) => watched === "memory" || watched === "history")
        .map(({ what, unit, samples }) => `${what} ${Math.round(samples.at(-1)?.value ?? 0)} ${unit}`)
        .join(", "),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
