import { copyFile, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ownTarget } from "../../build.ts";
import { CORE_TRIPLES } from "../../src/engine/temporal/bundle/dependency-edits.ts";

/** A root folder with nothing but an executable and what it may expect of any machine. */
export interface EmptyRoot {
  /** Its path outside. Files under `tmp` are the programs' to read and write. */
  readonly path: string;
  /** The command that runs the executable inside, as `/reliant`. The process id stays the one that was started. */
  command(...args: readonly string[]): string[];
}

const MODULES = join(import.meta.dir, "../../node_modules");
/** Where systems keep the certificates of the authorities they trust. */
const CERTIFICATES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/** `/proc` is the outer one: the runtime finds its own file and memory there. */
const ENTER = 'mount --rbind /proc "$1/proc" && root=$1 && shift && exec chroot "$root" /reliant "$@"';

/** Fills `folder` with an executable, the libraries that `ldd` names, `/proc`, `/tmp` and certificates. Throws where no root can be entered. */
export async function makeEmptyRoot(folder: string, executable: string): Promise<EmptyRoot> {
  const core = join(MODULES, "@temporalio/core-bridge/releases", CORE_TRIPLES[ownTarget()], "index.node");
  for (const inside of ["proc", "tmp"]) await mkdir(join(folder, inside), { recursive: true });
  const libraries = new Set([...(await librariesOf(executable)), ...(await librariesOf(core))]);
  for (const file of [...libraries, await certificates()]) await copyTo(file, join(folder, file));
  await copyTo(executable, join(folder, "reliant"));
  const enter = await wayIn();
  return { path: folder, command: (...args) => [...enter, "sh", "-c", ENTER, "enter", folder, ...args] };
}

/** As root in a mount namespace of its own, or as anybody in a user namespace. */
async function wayIn(): Promise<string[]> {
  const ways = [
    ["unshare", "--mount"],
    ["unshare", "--user", "--map-root-user", "--mount"],
  ];
  const faults: string[] = [];
  for (const way of ways) {
    const run = Bun.spawn([...way, "true"], { stdout: "ignore", stderr: "pipe" });
    const errors = await run.stderr.text();
    if ((await run.exited) === 0) return way;
    faults.push(`  ${way.join(" ")}: ${errors.trim()}`);
  }
  throw new Error(
    `enter an empty root: no way is open\n${faults.join("\n")}\nRun the tests as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0).`,
  );
}

async function librariesOf(file: string): Promise<string[]> {
  const run = Bun.spawn(["ldd", file], { stdout: "pipe", stderr: "pipe" });
  const [out, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code !== 0 || out.includes("not found")) throw new Error(`ldd ${file}: ${errors}${out}`);
  return [...out.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}

async function certificates(): Promise<string> {
  for (const path of CERTIFICATES) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  throw new Error(`find the certificates of authorities: none of ${CERTIFICATES.join(", ")}; install ca-certificates`);
}

async function copyTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
