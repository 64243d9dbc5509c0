import { readdir, readFile, readlink } from "node:fs/promises";
import { LIMITS } from "../core/limits.ts";
import { listeningInodes } from "./proc-net.ts";

/** A process that listens on a port. */
export interface PortHolder {
  readonly pid: number;
  /** The program's name, without its arguments: they may hold secrets. */
  readonly program: string;
}

/** The process that listens on the port, where `/proc` tells: on Linux, for processes that this user may look into. Never throws. */
export async function findPortHolder(port: number, proc = "/proc"): Promise<PortHolder | undefined> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readText(`${proc}/net/${name}`)));
  const sockets = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  const pids = (await list(proc)).filter((name) => /^\d+$/.test(name)).slice(0, LIMITS.portHolderProcesses);
  for (const pid of pids) {
    if (!(await holdsOne(`${proc}/${pid}/fd`, sockets))) continue;
    return { pid: Number(pid), program: (await readText(`${proc}/${pid}/comm`)).trim() };
  }
  return undefined;
}

async function holdsOne(folder: string, sockets: ReadonlySet<string>): Promise<boolean> {
  for (const descriptor of await list(folder)) {
    const target = await readlink(`${folder}/${descriptor}`).catch(() => "");
    if (sockets.has(target)) return true;
  }
  return false;
}

function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
