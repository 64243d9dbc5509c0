import { lockDataFolder } from "../../../src/store/data-folder-lock.ts";

/** Locks the folder that its argument names, says so, and holds it until it is killed. */
lockDataFolder(process.argv[2] ?? "");
process.stdout.write("locked\n");
setInterval(() => undefined, 1000);
