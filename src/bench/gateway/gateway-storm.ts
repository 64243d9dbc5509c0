import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../../auth/personal-access-token.ts";
import { newId } from "../../core/ids.ts";
import type { BenchPart, BenchWorld } from "../bench-part.ts";
import { startRole } from "../bench-roles.ts";
import type { PartReport } from "../figures.ts";
import { type BenchUser, type Installation, startInstallation } from "../installation.ts";
import { startFleet, withLoad } from "./fleet.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";

const DAEMONS = 10_000;
const USERS = 200;
/** Tokens that are made at once. */
const MAKING = 100;
const CONNECT_MS = 180_000;
const LOST_MS = 30_000;

export const GATEWAY_STORM: BenchPart = {
  name: "gateway-storm",
  says: "two gateways, one is killed: until all 10,000 daemons are back on the other, each with a token of its own",
  boundMs: () => 420_000,
  measure: measureStorm,
};

/** Gateways as users run them, on Postgres. Each daemon comes back at the pace of a real one: jittered, and slower with each failure. */
async function measureStorm(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const tokensFile = await makeTokens(installation);
  const gateways = [await startRole(installation, "gateway"), await startRole(installation, "gateway")];
  const [first] = gateways;
  const addresses = gateways.map(({ url }) => ({ host: "127.0.0.1", port: Number(new URL(url).port) }));
  const paces = { opening: 64, heartbeatMs: 30_000, pingMs: 0, resultBytes: PAYLOAD_BYTES };
  const fleet = await startFleet(installation, DAEMONS, 4, { gateways: addresses, tokensFile, ...paces });
  const connectMs = await fleet.awaitThat("the daemons", ({ connected }) => connected === DAEMONS, CONNECT_MS);
  const before = fleet.facts();
  const { value: backMs, load } = await withLoad(async () => {
    const killedMs = performance.now();
    await first?.process.kill9();
    await fleet.awaitThat("the losses", ({ losses }) => losses - before.losses >= DAEMONS, LOST_MS);
    await fleet.awaitThat("all to be back", ({ connected }) => connected === DAEMONS, CONNECT_MS);
    return performance.now() - killedMs;
  });
  const after = fleet.facts();
  const count = (what: keyof typeof after) => after[what] - before[what];
  await fleet.stop();
  return {
    figures: [
      { id: "gateway.storm_back_s", what: "10,000 daemons back on another gateway", value: backMs / 1000, unit: "s" },
      {
        id: "gateway.storm_refused",
        what: "of them refused for good",
        value: count("refusedForGood"),
        unit: "daemons",
      },
      {
        id: "gateway.connect_s",
        what: "10,000 daemons connected for the first time",
        value: connectMs / 1000,
        unit: "s",
      },
      {
        id: "gateway.storm_resets",
        what: "attempts that were reset on the way back",
        value: count("resetConnections"),
        unit: "",
      },
    ],
    notes: [
      `storm: ${load}; attempts that found nobody ${count("refusedConnections")}, ended by the gateway ${count("endedByServer")}`,
    ],
  };
}

/** One token a daemon, in a file that all processes read. */
async function makeTokens(installation: Installation): Promise<string> {
  const { store, folder } = installation;
  const users: BenchUser[] = [];
  for (let index = 0; index < USERS; index++) users.push(await installation.signUp(`user-${index}`));
  const secrets: string[] = [];
  for (let made = 0; made < DAEMONS; made += MAKING) {
    await Promise.all(
      Array.from({ length: MAKING }, (_, index) => {
        const { secret, prefix, hash } = mintToken();
        secrets[made + index] = secret;
        const userId = users[(made + index) % USERS]?.id ?? "";
        return store.tokens.create({ id: newId("tok"), userId, name: "bench", scope: "daemon", prefix, hash });
      }),
    );
  }
  const path = join(folder, "daemon-tokens");
  await writeFile(path, secrets.join("\n"), { mode: 0o600 });
  return path;
}
