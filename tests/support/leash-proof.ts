import { ManagedProcess } from "../../src/stack/managed-process.ts";

/** Starts a program that has a child, says its process id, and ends in the way that its argument names. */
const started = await ManagedProcess.start({
  command: ["/bin/sh", "-c", "sleep 300 & sleep 300"],
  env: {},
  cwd: "/",
});
process.stdout.write(`${started.pid}\n`);
if (process.argv[2] === "throw") throw new Error("thrown on purpose");
if (process.argv[2] === "exit") process.exit(1);
await started.exited;
