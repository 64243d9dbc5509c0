import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { BOUNDS } from "./bounds.ts";
import { VERSIONS } from "./versions.ts";

export type ServerName = "nats-server" | "temporal";

interface Source {
  /** What `go install` takes, up to the `@`. */
  readonly goPackage: string;
  readonly download: (version: string, platform: string, arch: string) => string;
}

const SOURCES: Readonly<Record<ServerName, Source>> = {
  "nats-server": {
    goPackage: "github.com/nats-io/nats-server/v2",
    download: (version, platform, arch) =>
      `https://github.com/nats-io/nats-server/releases/download/v${version}/nats-server-v${version}-${platform}-${arch}.tar.gz`,
  },
  temporal: {
    goPackage: "github.com/temporalio/cli/cmd/temporal",
    download: (version, platform, arch) =>
      `https://github.com/temporalio/cli/releases/download/v${version}/temporal_cli_${version}_${platform}_${arch}.tar.gz`,
  },
};

/** Where programs are kept that the tests got themselves, from run to run. */
export function programsFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const cache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  return join(cache, "reliant-tests/bin");
}

/**
 * The path of a server's program: from PATH, else from the cache folder, else got by `go install`, else by its official
 * download. Throws, saying what to install, where none of them works.
 */
export async function serverProgram(name: ServerName): Promise<string> {
  const { pinned, minimum } = VERSIONS[name];
  const onPath = Bun.which(name);
  if (onPath !== null && isAtLeast(await askVersion(onPath), minimum)) return onPath;
  const cached = join(programsFolder(), name);
  if ((await cachedVersion(cached)) === pinned) return cached;
  const faults: string[] = [];
  for (const get of [goInstall, download]) {
    try {
      await get(name, pinned, cached);
      await Bun.write(`${cached}.version`, `${pinned}\n`);
      return cached;
    } catch (error) {
      faults.push(`  ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(
    `get ${name} ${pinned}: no way worked\n${faults.join("\n")}\nInstall ${name} ${minimum} or newer so that it is on PATH, or Go 1.24 or newer and let the tests build it.`,
  );
}

/** True where `version` (digits and dots) is `minimum` or newer; `undefined` is not. */
export function isAtLeast(version: string | undefined, minimum: string): boolean {
  return version !== undefined && Bun.semver.order(threeParts(version), threeParts(minimum)) >= 0;
}

function threeParts(version: string): string {
  return [...version.split("."), "0", "0"].slice(0, 3).join(".");
}

/** What `--version` of a program tells; a build without a version of its own (0.0.0) tells nothing. */
export async function askVersion(program: string): Promise<string | undefined> {
  const run = Bun.spawn([program, "--version"], { stdout: "pipe", stderr: "ignore", timeout: BOUNDS.readyMs });
  const version = /(\d+\.\d+(?:\.\d+)?)/.exec(await run.stdout.text())?.[1];
  return version === "0.0.0" ? undefined : version;
}

async function cachedVersion(program: string): Promise<string | undefined> {
  if (!(await Bun.file(program).exists())) return undefined;
  const note = Bun.file(`${program}.version`);
  return (await note.exists()) ? (await note.text()).trim() : await askVersion(program);
}

/** A program built from source, put in place when it is whole: several may do so at once. */
async function goInstall(name: ServerName, version: string, target: string): Promise<void> {
  if (Bun.which("go") === null) throw new Error("go install: no go on PATH");
  const { goPackage } = SOURCES[name];
  process.stderr.write(`getting ${name} ${version} by go install, once (up to 3 minutes) ...\n`);
  await inWorkFolder(target, async (folder) => {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
    await run(["go", "install", `${goPackage}@v${version}`], env);
    await rename(join(folder, name), target);
  });
}

async function download(name: ServerName, version: string, target: string): Promise<void> {
  const platform = process.platform;
  if (platform !== "linux" && platform !== "darwin") throw new Error(`download ${name}: not for ${platform}`);
  const url = SOURCES[name].download(version, platform, process.arch === "x64" ? "amd64" : process.arch);
  process.stderr.write(`getting ${name} ${version} from ${url} ...\n`);
  await inWorkFolder(target, async (folder) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(BOUNDS.installMs) }).catch((cause) => {
      throw new Error(`download ${url}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    if (!response.ok) throw new Error(`download ${url}: status ${response.status}`);
    const archive = join(folder, "archive.tar.gz");
    await Bun.write(archive, response);
    await run(["tar", "-xzf", archive, "-C", folder], process.env);
    const [found] = await Array.fromAsync(new Bun.Glob(`**/${name}`).scan({ cwd: folder, absolute: true }));
    if (found === undefined) throw new Error(`download ${url}: no ${name} in the archive`);
    await chmod(found, 0o755);
    await rename(found, target);
  });
}

async function inWorkFolder(target: string, work: (folder: string) => Promise<void>): Promise<void> {
  const parent = join(target, "..");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, ".getting-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(command: string[], env: Record<string, string | undefined>): Promise<void> {
  const child = Bun.spawn(command, { env, stdout: "ignore", stderr: "pipe", timeout: BOUNDS.installMs });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.slice(0, 3).join(" ")}: exit code ${code}: ${errors.trim().slice(-500)}`);
}
