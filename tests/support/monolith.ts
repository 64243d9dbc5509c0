import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readLocalServerFile } from "../../src/client/local-server-file.ts";
import type { ManagedProcess } from "../../src/stack/managed-process.ts";
import { type ApiClients, clients } from "../../src/stack/stack-client.ts";
import { type RoleOptions, startRole } from "./executable.ts";
import { serverProgram } from "./server-programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface MonolithOptions {
  /** Beside the data folder and the ports, which are free ones. */
  readonly flags: readonly string[];
  /** Put the `temporal` command of the tests on its PATH. */
  readonly withTemporal?: boolean;
}

/** A monolith on a data folder of its own, on free ports; it may be killed and started again. */
export interface Monolith extends AsyncDisposable {
  readonly folder: string;
  readonly dataDir: string;
  /** The newest process. */
  readonly process: ManagedProcess;
  readonly url: string;
  readonly api: ApiClients;
  /** Starts `reliant run` in a project folder; `flags` come before the prompt. */
  run(prompt: string, project: string, ...flags: readonly string[]): Promise<ManagedProcess>;
  /** A new project folder, with a README.md in it. */
  newProject(): Promise<string>;
  /** Starts it again after its process has ended. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const ANY_PORTS = ["--api-port", "--grpc-port", "--health-port", "--pprof-port"].flatMap((flag) => [flag, "0"]);

/** Starts a monolith and resolves when it is ready. Throws with its output where it is not in time. */
export async function startMonolith(options: MonolithOptions): Promise<Monolith> {
  const folder = await tempFolder("monolith");
  const monolith = new StartedMonolith(folder, await roleOptions(folder, options));
  try {
    await monolith.restart();
    return monolith;
  } catch (error) {
    await monolith.stop();
    throw error;
  }
}

async function roleOptions(folder: TempFolder, options: MonolithOptions): Promise<RoleOptions> {
  const path = options.withTemporal === true ? `${dirname(await serverProgram("temporal"))}:` : "";
  return {
    args: ["monolith", "--data-dir", join(folder.path, "data"), ...ANY_PORTS, ...options.flags],
    folder: folder.path,
    env: { PATH: `${path}${process.env.PATH}`, LOG_LEVEL: "debug" },
  };
}

class StartedMonolith implements Monolith {
  readonly folder: string;
  readonly dataDir: string;
  private current: { readonly process: ManagedProcess; readonly url: string; readonly api: ApiClients } | undefined;
  private readonly started: ManagedProcess[] = [];
  private projects = 0;

  constructor(
    private readonly own: TempFolder,
    private readonly role: RoleOptions,
  ) {
    this.folder = own.path;
    this.dataDir = join(own.path, "data");
  }

  get process(): ManagedProcess {
    return this.now.process;
  }

  get url(): string {
    return this.now.url;
  }

  get api(): ApiClients {
    return this.now.api;
  }

  async run(prompt: string, project: string, ...flags: readonly string[]): Promise<ManagedProcess> {
    const args = ["run", "--data-dir", this.dataDir, "--project", project, ...flags, prompt];
    const run = await startRole({ args, folder: this.folder });
    this.started.push(run);
    return run;
  }

  async newProject(): Promise<string> {
    this.projects += 1;
    const project = join(this.folder, `project-${this.projects}`);
    await mkdir(project);
    await Bun.write(join(project, "README.md"), "A project of the tests.\n");
    return project;
  }

  async restart(): Promise<void> {
    const process = await startRole(this.role);
    this.started.push(process);
    const [, port] = await process.awaitOutput(/monolith: ready healthPort=(\d+)/, 60_000);
    await process.awaitReady(`http://127.0.0.1:${port}/ready`, 60_000);
    const { url, token } = await readLocalServerFile(this.dataDir);
    this.current = { process, url, api: clients(url, token) };
  }

  async stop(): Promise<void> {
    for (const process of this.started.toReversed()) await process.stop();
    await this.own.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private get now() {
    if (this.current === undefined) throw new Error("the monolith has not started yet");
    return this.current;
  }
}
