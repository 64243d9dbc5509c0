/** `bun run bench [PART …] [flags of reliant bench]`: builds the executable where a source is newer, and runs its `bench`. */
import { builtExecutable } from "../support/executable.ts";
import { programFlags } from "../support/program-flags.ts";
import { tempFolder } from "../support/temp-folder.ts";

await using folder = await tempFolder("bench-programs");
const [executable, flags] = await Promise.all([builtExecutable(), programFlags(folder.path)]);
const run = Bun.spawn([executable, "bench", ...process.argv.slice(2), ...flags], {
  stdio: ["inherit", "inherit", "inherit"],
});
// What is interrupted ends by itself, and says so by its exit code.
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => run.kill(name));
process.exitCode = await run.exited;
