import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { BOUNDS } from "./bounds.ts";
import type { EmptyRoot } from "./empty-root.ts";
import { tempFolder } from "./temp-folder.ts";

const ROOT = join(import.meta.dir, "../..");
/** What the executable is made of. */
const SOURCES = ["src", "proto", "build.ts", "package.json", "bun.lock", "tsconfig.json"];

export interface RoleOptions {
  readonly args: readonly string[];
  /** Beside the small environment that every role gets; nothing of the test's own comes through. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is started, and its HOME. Default: a new empty folder, removed when the role has ended. */
  readonly folder?: string;
  readonly stdin?: string;
  /** Default: {@link builtExecutable}. */
  readonly program?: string;
  /** Start it inside this root, where it is `/reliant` and HOME is `/tmp`; `program` and `folder` then say nothing. */
  readonly root?: EmptyRoot;
}

/** The path of the compiled `reliant`: the one of the test run, else `dist/reliant`, built anew where a source is newer. */
export async function builtExecutable(): Promise<string> {
  const given = process.env.RELIANT_TEST_EXECUTABLE;
  if (given !== undefined) return given;
  const path = join(ROOT, "dist/reliant");
  if (!(await isCurrent(path))) await build(path);
  return path;
}

/** Starts `reliant <args>`: `startRole({ args: ["server", "api"], env: { … } })`, then `awaitReady(…)`. */
export async function startRole(options: RoleOptions): Promise<ManagedProcess> {
  const basics = { PATH: process.env.PATH ?? "", LANG: "C.UTF-8" };
  if (options.root !== undefined) {
    return ManagedProcess.start({
      command: options.root.command(...options.args),
      env: { ...basics, HOME: "/tmp", TMPDIR: "/tmp", ...options.env },
      cwd: "/",
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    });
  }
  const program = options.program ?? (await builtExecutable());
  const own = options.folder === undefined ? await tempFolder("role") : undefined;
  const folder = options.folder ?? own?.path ?? "";
  const started = await ManagedProcess.start({
    command: [program, ...options.args],
    env: { ...basics, HOME: folder, TMPDIR: tmpdir(), ...options.env },
    cwd: folder,
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    ...(own === undefined ? {} : { folder: own.path }),
  });
  started.exited.then(() => own?.remove()).catch(() => undefined);
  return started;
}

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `reliant <args>` to its end. Throws when it does not end within the bound (default 30 s). */
export async function runExecutable(options: RoleOptions & { readonly timeoutMs?: number }): Promise<CommandOutcome> {
  const started = await startRole(options);
  const { code } = await started.awaitExit(options.timeoutMs ?? BOUNDS.stopMs);
  return { code, stdout: started.stdout, stderr: started.stderr };
}

async function isCurrent(path: string): Promise<boolean> {
  const built = await stat(path).catch(() => undefined);
  if (built === undefined) return false;
  const times = await Promise.all(SOURCES.map((source) => newestChangeMs(join(ROOT, source))));
  return Math.max(...times) < built.mtimeMs;
}

async function newestChangeMs(path: string): Promise<number> {
  const own = await stat(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const inside = await readdir(path);
  return Math.max(own.mtimeMs, ...(await Promise.all(inside.map((name) => newestChangeMs(join(path, name))))));
}

async function build(path: string): Promise<void> {
  const run = Bun.spawn([process.execPath, "run", join(ROOT, "build.ts"), "--outfile", path], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
    timeout: BOUNDS.buildMs,
  });
  const [out, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code !== 0) throw new Error(`build ${path}: exit code ${code}\n${out}${errors}`);
}
