/** Builds the executable: `bun run build.ts [--target <platform> | --all] [--outfile <path>]`. */
import { mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import { bareWorkflowCode } from "./src/bench/raw-bare-workflow-code.ts";
import { messageOf, ReliantError } from "./src/core/errors.ts";
import {
  applyEdits,
  BUILD_TARGETS,
  type BuildTarget,
  type DependencyEdit,
  filesNotLoaded,
  temporalEdits,
  WORKFLOW_THREAD_MODULE,
} from "./src/engine/temporal/bundle/dependency-edits.ts";
import { workflowCode } from "./src/engine/temporal/bundle/workflow-code.ts";

const ROOT = import.meta.dir;
const MODULES = join(ROOT, "node_modules");

export interface BuildOptions {
  readonly entry: string;
  readonly outfile: string;
  readonly target: BuildTarget;
  /** The finished workflow code, as `workflow-code.ts` gives it; `undefined` where the program has no Temporal worker. */
  readonly workflowCode: string | undefined;
  /** The same of the bare worker that `reliant bench` measures beside ours; `undefined` where the program has none. */
  readonly bareWorkflowCode?: string | undefined;
}

/** The modules that bundle workflow code; each is named after the one function that it exports. */
const CODE_MODULES = {
  workflowCode: "src/engine/temporal/bundle/workflow-code.ts",
  bareWorkflowCode: "src/bench/raw-bare-workflow-code.ts",
} as const;
type CodeName = keyof typeof CODE_MODULES;

/** Compiles one executable; `outfile` is in place only when it is whole. */
export async function buildExecutable(options: BuildOptions): Promise<void> {
  const thread = join(MODULES, WORKFLOW_THREAD_MODULE);
  const temporal = options.workflowCode !== undefined;
  if (temporal) await checkModulesHere(ROOT);
  const edits = temporal ? temporalEdits(options.target, `./node_modules/${WORKFLOW_THREAD_MODULE}`) : [];
  await checkEdits(edits);
  const loaded = new Set<string>();
  await mkdir(dirname(options.outfile), { recursive: true });
  const folder = await mkdtemp(join(dirname(options.outfile), ".building-"));
  const built = join(folder, executableName(options.target));
  try {
    const result = await Bun.build({
      entrypoints: temporal ? [options.entry, thread] : [options.entry],
      root: ROOT,
      target: "bun",
      format: "esm",
      minify: true,
      splitting: true,
      bytecode: true,
      // Stack traces name our files. Bun puts the maps beside the executable as well, where they are removed.
      sourcemap: "linked",
      loader: { ".wasm": "file" },
      define: await compiledIn(),
      plugins: [dependencyPlugin(edits, loaded), workflowCodePlugin(await packedFile(folder, options))],
      compile: {
        target: `bun-${options.target}`,
        outfile: built,
        // What lies in the folder that the executable is started in is not ours. BUN_OPTIONS and BUN_BE_BUN of the
        // environment stay honoured, Bun 1.4 has no option against them: who sets them could set LD_PRELOAD as well.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
    if (!result.success) throw new AggregateError(result.logs, "bundle failed");
    const missing = filesNotLoaded(edits, loaded);
    if (missing.length > 0) {
      throw new ReliantError(
        "failed_precondition",
        `build ${basename(options.outfile)}: not in it, though it has edits: ${missing.join(", ")}`,
      );
    }
    await rename(built, options.outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Throws where the dependencies lie outside the tree (`node_modules`, or a package in it, is a symbolic link): Bun names
 * what it embeds by its real path, and the worker would not find its thread.
 */
export async function checkModulesHere(root: string): Promise<void> {
  const thread = join("node_modules", WORKFLOW_THREAD_MODULE);
  const act = `build in ${root}`;
  const [realRoot, realThread] = await Promise.all([realpath(root), realpath(join(root, thread))]).catch((cause) => {
    throw new ReliantError("failed_precondition", `${act}: ${messageOf(cause)}`, {
      ...{ cause, hint: "Install the dependencies first: npm run bootstrap" },
    });
  });
  if (realThread === join(realRoot, thread)) return;
  throw new ReliantError("failed_precondition", `${act}: its dependencies lie elsewhere, ${thread} is ${realThread}`, {
    hint: "Put a real node_modules here, not a symbolic link: remove the link, then npm run bootstrap",
  });
}

/** Fails before anything is bundled where a text that an edit replaces has moved. */
async function checkEdits(edits: readonly DependencyEdit[]): Promise<void> {
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const path = join(MODULES, file);
    if (!(await Bun.file(path).exists())) {
      throw new ReliantError("failed_precondition", `edit node_modules/${file}: no such file`);
    }
    applyEdits(file, await Bun.file(path).text(), edits);
  }
}

/** Makes the edits of dependencies as their files are loaded, and notes which were. */
function dependencyPlugin(edits: readonly DependencyEdit[], loaded: Set<string>): BunPlugin {
  return {
    name: "dependency-edits",
    setup(build) {
      for (const file of new Set(edits.map((edit) => edit.file))) {
        build.onLoad({ filter: endsWith(`node_modules/${file}`) }, async ({ path }) => {
          const contents = applyEdits(file, await Bun.file(path).text(), edits);
          loaded.add(file);
          return { contents, loader: "js" };
        });
      }
    },
  };
}

/** Writes the workflow code, compressed, to a file of the folder: all of it together, because most of each is the same SDK. */
async function packedFile(folder: string, options: BuildOptions): Promise<string | undefined> {
  const { workflowCode, bareWorkflowCode } = options;
  if (workflowCode === undefined) return undefined;
  const path = join(folder, "workflow-code.zst");
  await Bun.write(path, await Bun.zstdCompress(JSON.stringify({ workflowCode, bareWorkflowCode }), { level: 19 }));
  return path;
}

/**
 * Puts the finished workflow code in the place of the modules that bundle it. As a file that is embedded: in a module its
 * 2.2 MB, most of them a source map, would stand uncompressed in the source and again in the bytecode (5 MB in all).
 */
function workflowCodePlugin(packed: string | undefined): BunPlugin {
  return {
    name: "workflow-code",
    setup(build) {
      if (packed === undefined) return;
      for (const [name, module] of Object.entries(CODE_MODULES)) {
        build.onLoad({ filter: endsWith(module) }, () => ({
          contents: `import path from ${JSON.stringify(packed)} with { type: "file" };
            export const ${name} = async () =>
              JSON.parse(new TextDecoder().decode(await Bun.zstdDecompress(await Bun.file(path).bytes()))).${name};`,
          loader: "js",
        }));
      }
    },
  };
}

function endsWith(path: string): RegExp {
  return new RegExp(`${path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("/", "[/\\\\]")}$`);
}

/** The names that `src/build-info.ts` reads. */
async function compiledIn(): Promise<Record<string, string>> {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  return {
    RELIANT_BUILD_COMMIT: JSON.stringify(await commit()),
    RELIANT_BUILD_DATE: JSON.stringify(date.toISOString()),
    "process.env.NODE_ENV": JSON.stringify("production"),
  };
}

/** The commit that is checked out, with `+changes` where files differ from it; empty outside a repository. */
async function commit(): Promise<string> {
  const git = async (...args: string[]) => {
    const run = Bun.spawn(["git", ...args], { cwd: ROOT, stdout: "pipe", stderr: "ignore" });
    const [text, code] = await Promise.all([run.stdout.text(), run.exited]);
    return code === 0 ? text.trim() : undefined;
  };
  if (Bun.which("git") === null) return "";
  const head = await git("rev-parse", "HEAD");
  if (head === undefined) return "";
  return (await git("status", "--porcelain", "--untracked-files=no")) === "" ? head : `${head}+changes`;
}

/** The target of the machine that builds. */
export function ownTarget(): BuildTarget {
  return checkTarget(`${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`);
}

function checkTarget(text: string): BuildTarget {
  const target = BUILD_TARGETS.find((known) => known === text);
  if (target !== undefined) return target;
  throw new ReliantError("usage", `build for ${text}: no such target`, {
    hint: `Targets: ${BUILD_TARGETS.join(", ")}.`,
  });
}

function executableName(target: BuildTarget): string {
  return target.startsWith("windows") ? "reliant.exe" : "reliant";
}

function releaseName(target: BuildTarget): string {
  return `reliant-${target}${target.startsWith("windows") ? ".exe" : ""}`;
}

type WorkflowCode = Required<Pick<BuildOptions, CodeName>>;

/** Every target into `dist/release`, and `SHA256SUMS` in the form that `sha256sum --check` reads. */
async function buildRelease(code: WorkflowCode): Promise<void> {
  const folder = join(ROOT, "dist/release");
  await rm(folder, { recursive: true, force: true });
  const sums: string[] = [];
  for (const target of BUILD_TARGETS) {
    const outfile = join(folder, releaseName(target));
    await buildOne({ target, outfile, ...code });
    sums.push(
      `${new Bun.CryptoHasher("sha256").update(await Bun.file(outfile).bytes()).digest("hex")}  ${basename(outfile)}\n`,
    );
  }
  await Bun.write(join(folder, "SHA256SUMS"), sums.join(""));
}

async function buildOne(options: { target: BuildTarget; outfile: string } & WorkflowCode): Promise<void> {
  const startedMs = performance.now();
  await buildExecutable({ entry: join(ROOT, "src/main.ts"), ...options });
  const mib = (Bun.file(options.outfile).size / 1024 / 1024).toFixed(1);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${relative(process.cwd(), options.outfile)}: ${options.target}, ${mib} MiB, ${seconds} s\n`);
}

function parseFlags(argv: string[]) {
  const options = { target: { type: "string" }, all: { type: "boolean" }, outfile: { type: "string" } } as const;
  try {
    return parseArgs({ args: argv, options }).values;
  } catch (cause) {
    const hint = "Usage: bun run build.ts [--target <platform> | --all] [--outfile <path>]";
    throw new ReliantError("usage", messageOf(cause), { cause, hint });
  }
}

async function main(argv: string[]): Promise<number> {
  try {
    const values = parseFlags(argv);
    if (values.all && (values.target !== undefined || values.outfile !== undefined)) {
      throw new ReliantError("usage", "build: --all takes neither --target nor --outfile");
    }
    await checkModulesHere(ROOT);
    const code = { workflowCode: await workflowCode(), bareWorkflowCode: await bareWorkflowCode() };
    if (values.all) {
      await buildRelease(code);
      return 0;
    }
    const target = values.target === undefined ? ownTarget() : checkTarget(values.target);
    const name = target === ownTarget() ? executableName(target) : releaseName(target);
    await buildOne({ target, outfile: resolve(values.outfile ?? join(ROOT, "dist", name)), ...code });
    return 0;
  } catch (error) {
    process.stderr.write(`${failureText(error)}\n`);
    return error instanceof ReliantError ? error.row.exitCode : 1;
  }
}

function failureText(error: unknown): string {
  const causes = error instanceof AggregateError ? error.errors.map((each) => `\n  ${messageOf(each)}`).join("") : "";
  const hint = error instanceof ReliantError && error.hint !== undefined ? `\n${error.hint}` : "";
  return `build: ${messageOf(error)}${causes}${hint}`;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
