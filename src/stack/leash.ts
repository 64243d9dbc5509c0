import { spawn } from "node:child_process";

/**
 * Ties a process group, named by its leader, to our own life; what this gives lets go. It is a shell that waits for a
 * line. The line comes when the process has ended as it should. End of input means that we are gone, by whatever way,
 * and then it ends the group (QUIT first: Postgres takes its children along) and removes the folder.
 */
export function leash(pid: number, folder?: string): () => void {
  const script = `trap "" INT TERM HUP
    read -r line && exit
    kill -s QUIT -- "-$1" 2>/dev/null; sleep 0.3; kill -s KILL -- "-$1" 2>/dev/null
    [ -z "$2" ] || rm -rf -- "$2"`;
  const holder = spawn("/bin/sh", ["-c", script, "leash", String(pid), folder ?? ""], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  holder.unref();
  holder.on("error", () => undefined);
  holder.stdin?.on("error", () => undefined);
  return () => holder.stdin?.end("done\n");
}
