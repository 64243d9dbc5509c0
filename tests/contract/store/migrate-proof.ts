import { systemClock } from "../../../src/core/clock.ts";
import { type OpenStoreOptions, openStore } from "../../../src/store/kysely/kysely-store.ts";

/** Opens the store that its argument describes, as JSON, makes a user, and says so: one of several servers that start at once. */
const options: Pick<OpenStoreOptions, "driver" | "url" | "file"> = JSON.parse(process.argv[2] ?? "{}");
const store = await openStore({
  ...options,
  clock: systemClock,
  announce: () => undefined,
  signal: AbortSignal.timeout(60_000),
});
const user = await store.users.findOrCreate({ issuer: "proof", subject: "same" });
await store.close();
process.stdout.write(`${user.id}\n`);
