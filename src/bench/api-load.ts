import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import { pollUntil } from "../stack/poll-until.ts";
import { clients } from "../stack/stack-client.ts";
import { type AtSize, apiReport } from "./api-report.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { type StartedRole, startRole } from "./bench-roles.ts";
import { NO_TOOL, writeBenchScript } from "./bench-scripts.ts";
import { driveAll, textBlock } from "./chat-runs.ts";
import { type PartReport, type Spread, spreadOf, timeOf } from "./figures.ts";
import { measureFirstBytes } from "./first-byte.ts";
import { type BenchUser, type Installation, startInstallation } from "./installation.ts";
import { processorMs, residentBytes } from "./proc-facts.ts";
import { openRawAcceptance } from "./raw-acceptance.ts";
import { startStampingProvider } from "./stamping-provider.ts";
import { bareStreamKb, holdStreams, letGo, STREAMS_PER_HOLDER } from "./update-streams.ts";

/** Live update streams on one replica, each of a user of its own: three sizes. */
const SIZES = [500, 1_500, 5_000] as const;
const SETTLE_MS = 3_000;
const WATCH_MS = 10_000;
/** Messages that are sent at each size: so many at once, as many users would in a second or two. */
const MESSAGES = 200;
const SENDERS = 4;

export const API_LOAD: BenchPart = {
  name: "api",
  says: "5,000 live update streams on one API server: memory, processor, message accepted, first model byte to the screen",
  goals: [
    "api.streams",
    "api.accepted_p99_ms",
    "api.first_byte_p50_ms",
    "api.first_byte_p99_ms",
    "api.first_byte_loaded_p50_ms",
    "api.first_byte_loaded_p99_ms",
  ],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureApi,
};

async function measureApi(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  await using provider = startStampingProvider();
  const script = await writeBenchScript(installation.folder);
  const flags = ["--scripted-model", script.file, "--compatible-base-url", provider.url];
  const [api] = await Promise.all([startRole(installation, "api"), startRole(installation, "worker", { flags })]);
  const users = await signUpAll(installation, SIZES.at(-1) ?? 0);
  const send = (user: BenchUser) => sendOne(api, user, script.model);
  await driveAll(MESSAGES, SENDERS, (index) => send(userAt(users, index)));
  await untilAtRest(installation);
  const idleMb = residentBytes(api.process.pid) / 1e6;
  const quiet = await measureFirstBytes(installation, api, userAt(users, 0), provider);

  const bareKb = await bareStreamKb(installation, users.slice(0, STREAMS_PER_HOLDER));
  const points: AtSize[] = [];
  const holders: ManagedProcess[] = [];
  let held = 0;
  for (const size of SIZES) {
    holders.push(...(await holdStreams(installation, api.url, users.slice(held, size))));
    held = size;
    world.tell(`api: ${size} streams`);
    points.push(await measureAt(installation, api, size, (index) => send(userAt(users, index % size))));
  }
  const loaded = await measureFirstBytes(installation, api, userAt(users, 1), provider);
  const bare = await bareAcceptances(installation, userAt(users, 2));
  const kept = await letGo(holders, world.signal);
  return apiReport({ idleMb, points, quiet, loaded, bare, bareKb, kept, senders: SENDERS });
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
  installation: Installation,
  api: StartedRole,
  size: number,
  send: (index: number) => Promise<number>,
): Promise<AtSize> {
  const { clock, signal } = installation.world;
  await clock.sleep(SETTLE_MS, signal);
  const { pid } = api.process;
  const idle = spentBy(pid);
  await clock.sleep(WATCH_MS, signal);
  const idleShare = idle().share;
  const megabytes = residentBytes(pid) / 1e6;
  const took: number[] = [];
  const busy = spentBy(pid);
  await driveAll(MESSAGES, SENDERS, async (index) => void took.push(await send(index)));
  await untilAtRest(installation);
  const { processorMs: spentMs, elapsedMs } = busy();
  return {
    ...{ size, megabytes, corePercent: 100 * idleShare, accepted: spreadOf(took) },
    processorMsPerMessage: (spentMs - idleShare * elapsedMs) / MESSAGES,
  };
}

/** What the process has spent since; `share` of one core. */
function spentBy(pid: number) {
  const [beganMs, before] = [performance.now(), processorMs(pid)];
  return () => {
    const [spent, elapsedMs] = [processorMs(pid) - before, performance.now() - beganMs];
    return { processorMs: spent, elapsedMs, share: spent / elapsedMs };
  };
}

/** The same rows by a bare client, so many at once. */
async function bareAcceptances({ databaseUrl, world }: Installation, user: BenchUser): Promise<Spread> {
  const { clock } = world;
  await using raw = openRawAcceptance({ databaseUrl, userId: user.id, connections: SENDERS, clock });
  await driveAll(MESSAGES, SENDERS, () => raw.accept());
  const took: number[] = [];
  await driveAll(MESSAGES, SENDERS, async () => void took.push(await timeOf(() => raw.accept())));
  return spreadOf(took);
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
