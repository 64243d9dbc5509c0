/**
 * `npm run demo`: an agent mends a failing test in a real git repository, on `reliant monolith` with the scripted model.
 * Everything happens in a temporary folder and on free ports; nothing is left running.
 */
import { cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/stack/free-port.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { builtExecutable } from "../support/executable.ts";

const HERE = import.meta.dir;
const PROMPT = "The tests of this repository fail. Find out why, mend the code, and show that they pass.";
const colour = process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "";

/** Exit code of what Ctrl-C has ended. */
const INTERRUPTED = 130;

/** Ctrl-C reaches `reliant run` as well, which cancels its run; then everything is cleaned up here. */
async function main(interrupted: AbortSignal): Promise<number> {
  say("Building the executable, if its sources are newer …");
  const executable = await builtExecutable();
  const folder = await realpath(await mkdtemp(join(tmpdir(), "reliant-demo-")));
  const server = await startMonolith(executable, folder);
  try {
    const repository = await makeRepository(folder);
    say(`A git repository with a failing test: ${repository}`);
    say(`The server: reliant monolith on ${server.url}, scripted model`);
    prompt(`reliant run "${PROMPT}"`);
    const run = Bun.spawn([executable, "run", "--data-dir", server.dataDir, "--project", repository, PROMPT], {
      cwd: repository,
      env: { ...process.env, ...(colour ? { FORCE_COLOR: "1" } : {}) },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const code = await run.exited;
    if (interrupted.aborted) return INTERRUPTED;
    if (code !== 0) throw new Error(`reliant run ended with exit code ${code}`);

    prompt("git diff");
    const diff = Bun.spawn(["git", "-c", `color.ui=${colour ? "always" : "never"}`, "--no-pager", "diff"], {
      cwd: repository,
      stdio: ["ignore", "inherit", "inherit"],
    });
    await diff.exited;
    if ((await sh(repository, "git diff --quiet")) === 0) throw new Error("the agent changed nothing");
    if ((await sh(repository, "npm test --silent")) !== 0) throw new Error("the tests still fail");
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  say(NEXT);
  return 0;
}

async function startMonolith(executable: string, folder: string) {
  const [api = 0, grpc = 0, health = 0, pprof = 0] = await freePorts(4);
  const dataDir = join(folder, "data");
  const ports = { "--api-port": api, "--grpc-port": grpc, "--health-port": health, "--pprof-port": pprof };
  const server = await ManagedProcess.start({
    command: [
      ...[executable, "monolith", "--data-dir", dataDir, "--model", `scripted/${join(HERE, "script.yaml")}`],
      ...Object.entries(ports).flatMap(([flag, port]) => [flag, String(port)]),
    ],
    env: { PATH: process.env.PATH ?? "", HOME: folder, LOG_LEVEL: "warning" },
    cwd: folder,
    folder,
  });
  await server.awaitReady(`http://127.0.0.1:${health}/ready`);
  return { url: `http://127.0.0.1:${api}`, dataDir, stop: () => server.stopCleanly() };
}

/** A repository of its own, so that the agent's change shows in `git diff`. */
async function makeRepository(folder: string): Promise<string> {
  const repository = join(folder, "price-list");
  await cp(join(HERE, "repository"), repository, { recursive: true });
  const author = "-c user.name=Demo -c user.email=demo@example.com";
  const made = await sh(repository, `git init -q && git add . && git ${author} commit -q -m "Price list"`);
  if (made !== 0) throw new Error("make the demo's repository: git failed (is git installed?)");
  return repository;
}

async function sh(cwd: string, command: string): Promise<number> {
  return Bun.spawn(["/bin/sh", "-c", command], { cwd, stdio: ["ignore", "ignore", "ignore"] }).exited;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function prompt(command: string): void {
  say(colour ? `\n\u001b[1m$ ${command}\u001b[0m` : `\n$ ${command}`);
}

const NEXT = `
The agent found the fault, mended it, and the test is green. What to type next, with a model of your own:

  export ANTHROPIC_API_KEY=…        # or OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY
  dist/reliant monolith             # in one terminal
  dist/reliant run "…"              # in another, in the folder of your project
`;

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());
process.exitCode = await main(interrupt.signal).catch((error: unknown) => {
  if (interrupt.signal.aborted) return INTERRUPTED;
  process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
  return 1;
});
