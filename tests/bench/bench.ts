/** `bun run bench [PART …] [flags of reliant bench]`: builds the executable where a source is newer, and runs its `bench`. */
import { dirname } from "node:path";
import { builtExecutable } from "../support/executable.ts";
import { stackPrograms } from "../support/stack-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

await using folder = await tempFolder("bench-programs");
const [executable, programs] = await Promise.all([builtExecutable(), stackPrograms(folder.path)]);
const flags = [
  ...["--nats-server", programs.natsServer, "--temporal-cli", programs.temporal],
  ...["--postgres-bin", dirname(programs.postgres.postgres)],
];
const run = Bun.spawn([executable, "bench", ...process.argv.slice(2), ...flags], {
  stdio: ["inherit", "inherit", "inherit"],
});
// What is interrupted ends by itself, and says so by its exit code.
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => run.kill(name));
process.exitCode = await run.exited;
