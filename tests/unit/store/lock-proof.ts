import { lockDataFolder } from "../../../src/store/data-folder-lock.ts";

/** Locks the folder that its argument names, keeps nothing of it, says so, and lives on until it is killed. */
lockDataFolder(process.argv[2] ?? "");
Bun.gc(true);
// What the stack above still points to is collected in a turn of its own.
setTimeout(() => {
  Bun.gc(true);
  process.stdout.write("locked\n");
}, 1);
setInterval(() => undefined, 1000);
