import { join } from "node:path";
import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import { pollUntil } from "../stack/poll-until.ts";
import { clients } from "../stack/stack-client.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { type StartedRole, startRole } from "./bench-roles.ts";
import { NO_TOOL, writeBenchScript } from "./bench-scripts.ts";
import { driveAll, textBlock } from "./chat-runs.ts";
import { type Figure, type Growth, type PartReport, type Spread, spreadOf, timeOf } from "./figures.ts";
import { measureFirstBytes } from "./first-byte.ts";
import { type BenchUser, type Installation, startInstallation } from "./installation.ts";
import { awaitWord, startPeer } from "./peer.ts";
import { processorMs, residentBytes } from "./proc-facts.ts";
import { openRawActs, type RawAct } from "./raw-parts.ts";
import { startStampingProvider } from "./stamping-provider.ts";
import { HELD } from "./stream-holder.ts";

/** Live update streams on one replica, each of a user of its own: three sizes. */
const SIZES = [500, 1_500, 5_000] as const;
/** One process opens so many of them. */
const STREAMS_PER_HOLDER = 1_250;
const OPENING = 20;
const SETTLE_MS = 3_000;
const WATCH_MS = 10_000;
/** Messages that are sent at each size: so many at once, as many users would in a second or two. */
const MESSAGES = 200;
const SENDERS = 4;

export const API_LOAD: BenchPart = {
  name: "api",
  says: "5,000 live update streams on one API server: memory, processor, message accepted, first model byte to the screen",
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureApi,
};

interface AtSize {
  readonly size: number;
  readonly megabytes: number;
  readonly corePercent: number;
  readonly accepted: Spread;
}

async function measureApi(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  await using provider = startStampingProvider();
  const script = await writeBenchScript(installation.folder);
  const flags = ["--scripted-model", script.file, "--compatible-base-url", provider.url];
  const [api] = await Promise.all([startRole(installation, "api"), startRole(installation, "worker", { flags })]);
  await using raw = await openRaw(installation);
  const users = await signUpAll(installation, SIZES.at(-1) ?? 0);
  const send = (user: BenchUser) => sendOne(api, user, script.model);
  await driveAll(MESSAGES, SENDERS, (index) => send(userAt(users, index)));
  await untilAtRest(installation);
  const idleMb = residentBytes(api.process.pid) / 1e6;
  const quiet = await measureFirstBytes(installation, api, userAt(users, 0), provider);

  const points: AtSize[] = [];
  const holders: ManagedProcess[] = [];
  let held = 0;
  for (const size of SIZES) {
    holders.push(...(await holdStreams(installation, api, users.slice(held, size))));
    held = size;
    world.tell(`api: ${size} streams`);
    points.push(await measureAt(world, api, size, (index) => send(userAt(users, index % size))));
    await untilAtRest(installation);
  }
  const loaded = await measureFirstBytes(installation, api, userAt(users, 1), provider);
  for (const holder of holders) {
    if (!holder.isRunning) throw new ReliantError("internal", `hold streams: ended\n${holder.newestOutput()}`);
  }
  return reportOf({ idleMb, points, quiet, loaded, rawCommit: await timesOf(raw.acts, "compare-and-set") });
}

/** Until the worker has answered what was sent: an answer that is timed next must not wait behind others. */
function untilAtRest({ store, world }: Installation): Promise<unknown> {
  const look = async () => (await store.turns.chatsUnderWay(1)).length === 0;
  return pollUntil("the runs to end", look, {
    timeoutMs: TRIAL_LIMITS.benchReportMs,
    signal: world.signal,
    clock: world.clock,
  });
}

/** A message to a new chat; milliseconds until it was accepted. */
function sendOne(api: StartedRole, user: BenchUser, model: string): Promise<number> {
  const { chats } = clients(api.url, user.jwt);
  return timeOf(() => chats.createChat({ chatId: newId("chat"), model, blocks: [textBlock(NO_TOOL)] }));
}

async function measureAt(
  { clock, signal }: BenchWorld,
  api: StartedRole,
  size: number,
  send: (index: number) => Promise<number>,
): Promise<AtSize> {
  await clock.sleep(SETTLE_MS, signal);
  const { pid } = api.process;
  const [beganMs, spentBefore] = [performance.now(), processorMs(pid)];
  await clock.sleep(WATCH_MS, signal);
  const corePercent = (100 * (processorMs(pid) - spentBefore)) / (performance.now() - beganMs);
  const megabytes = residentBytes(pid) / 1e6;
  const took: number[] = [];
  await driveAll(MESSAGES, SENDERS, async (index) => void took.push(await send(index)));
  return { size, megabytes, corePercent, accepted: spreadOf(took) };
}

async function holdStreams(
  installation: Installation,
  api: StartedRole,
  users: readonly BenchUser[],
): Promise<ManagedProcess[]> {
  const holders: ManagedProcess[] = [];
  for (let from = 0; from < users.length; from += STREAMS_PER_HOLDER) {
    const mine = users.slice(from, from + STREAMS_PER_HOLDER);
    const tokensFile = join(installation.folder, newId("tok"));
    await Bun.write(tokensFile, mine.map(({ jwt }) => jwt).join("\n"));
    const holder = await startPeer(installation, "streams", { url: api.url, tokensFile, opening: OPENING });
    const { open, failed, reason } = await awaitWord(
      holder,
      "held",
      HELD,
      TRIAL_LIMITS.benchReportMs,
      installation.world.signal,
    );
    if (failed > 0) throw new ReliantError("internal", `open streams: ${failed} of ${open + failed} failed: ${reason}`);
    holders.push(holder);
  }
  return holders;
}

async function signUpAll(installation: Installation, count: number): Promise<readonly BenchUser[]> {
  const { store } = installation;
  const users: BenchUser[] = [];
  await driveAll(count, 10, async (index) => {
    const user = await installation.signUp(`user ${index}`);
    // A stream says nothing before its first update, so there is one.
    await store.chats.create({ id: newId("chat"), userId: user.id, title: "bench", model: "scripted/bench" });
    users[index] = user;
  });
  return users;
}

function userAt(users: readonly BenchUser[], index: number): BenchUser {
  const user = users[index];
  if (user === undefined) throw new ReliantError("internal", `measure the API: there is no user ${index}`);
  return user;
}

async function openRaw(installation: Installation) {
  const { natsUrl, databaseUrl, folder, world } = installation;
  const subject = "bench.echo";
  const echo = await startPeer(installation, "echo", { natsUrl, subject });
  const { port } = await awaitWord(echo, "echo", z.object({ port: z.int() }), TRIAL_LIMITS.benchReportMs, world.signal);
  return openRawActs({ natsUrl, subject, echoUrl: `http://127.0.0.1:${port}`, databaseUrl, folder });
}

async function timesOf(acts: readonly RawAct[], name: string): Promise<Spread> {
  const found = acts.find(({ what }) => what.startsWith(name));
  if (found === undefined) throw new ReliantError("internal", `measure ${name}: there is no such raw part`);
  const took: number[] = [];
  for (let done = 0; done < MESSAGES; done++) took.push(await timeOf(() => found.act()));
  return spreadOf(took);
}

interface ApiFacts {
  readonly idleMb: number;
  readonly points: readonly AtSize[];
  readonly quiet: Awaited<ReturnType<typeof measureFirstBytes>>;
  readonly loaded: Awaited<ReturnType<typeof measureFirstBytes>>;
  readonly rawCommit: Spread;
}

function reportOf({ idleMb, points, quiet, loaded, rawCommit }: ApiFacts): PartReport {
  const last = points.at(-1);
  if (last === undefined) throw new ReliantError("internal", "measure the API: nothing was measured");
  const growth = (id: string, what: string, unit: string, mayBe: Growth["mayBe"], value: (at: AtSize) => number) => ({
    ...{ id: `api.${id}`, what, unit, mayBe, of: "streams" },
    points: points.map((at) => ({ size: at.size, value: value(at) })),
  });
  const commit = { what: "a bare transaction in Postgres", value: rawCommit.p50 };
  const figures: Figure[] = [
    { id: "api.streams", what: "live update streams on one API server, all open", value: last.size, unit: "" },
    {
      ...{ id: "api.kb_per_stream", what: "memory of one of them" },
      ...{ value: (1000 * (last.megabytes - idleMb)) / last.size, unit: "KB" },
    },
    { id: "api.core_percent", what: "processor with all of them, idle", value: last.corePercent, unit: "% of a core" },
    {
      ...{ id: "api.accepted_p50_ms", what: `message accepted, ${SENDERS} at once, p50` },
      ...{ value: last.accepted.p50, unit: "ms", raw: commit },
    },
    { id: "api.accepted_p99_ms", what: "message accepted, p99", value: last.accepted.p99, unit: "ms" },
    {
      ...{
        id: "api.first_byte_p50_ms",
        what: "first model byte to the screen, p50",
        value: quiet.ours.p50,
        unit: "ms",
      },
      raw: { what: "the provider's byte to a bare client", value: quiet.bare.p50 },
    },
    { id: "api.first_byte_p99_ms", what: "first model byte to the screen, p99", value: quiet.ours.p99, unit: "ms" },
    {
      ...{ id: "api.first_byte_loaded_p50_ms", what: "the same beside all the streams, p50" },
      ...{ value: loaded.ours.p50, unit: "ms" },
    },
    {
      ...{ id: "api.first_byte_loaded_p99_ms", what: "the same beside all the streams, p99" },
      ...{ value: loaded.ours.p99, unit: "ms" },
    },
  ];
  return {
    figures,
    growths: [
      growth("memory_growth", "API server, memory", "MB", "linear", ({ megabytes }) => megabytes - idleMb),
      growth("core_growth", "API server, processor", "% of a core", "linear", ({ corePercent }) => corePercent),
      growth("accepted_growth", "message accepted, p50", "ms", "flat", ({ accepted }) => accepted.p50),
    ],
  };
}
