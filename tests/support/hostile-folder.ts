import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import packageJson from "../../package.json";
import { WORKFLOW_THREAD_MODULE } from "../../src/engine/temporal/bundle/dependency-edits.ts";

export interface HostileFolder {
  readonly path: string;
  /** The files that code of the folder has left, by the name of what ran it. Empty while none of it ran. */
  traces(): Promise<string[]>;
}

/** The value that the folder's `.env` files give to settings. */
export const HOSTILE_PORT = "31999";

/** Fills `path` as a cloned repository could be: whatever a runtime may pick up from the folder it is started in leaves a trace. */
export async function makeHostileFolder(path: string): Promise<HostileFolder> {
  const trace = (by: string) =>
    `require("node:fs").writeFileSync(${JSON.stringify(join(path, "traces"))} + "/${by.replaceAll("/", "+")}", "");`;
  const dotenv = `API_PORT=${HOSTILE_PORT}\nHEALTH_PORT=${HOSTILE_PORT}\nBUN_OPTIONS=--preload=./preload.cjs\nNODE_OPTIONS=--require=./preload.cjs\n`;
  const dependencies = Object.keys(packageJson.dependencies);
  const files: Readonly<Record<string, string>> = {
    ...Object.fromEntries([".env", ".env.local", ".env.production", ".env.development"].map((name) => [name, dotenv])),
    "bunfig.toml":
      'preload = ["./preload.cjs"]\n[run]\npreload = ["./preload.cjs"]\n[test]\npreload = ["./preload.cjs"]\n',
    "preload.cjs": trace("preload"),
    "package.json": JSON.stringify({
      name: "hostile",
      main: "./preload.cjs",
      imports: { "#*": "./preload.cjs" },
      scripts: { preinstall: "node preload.cjs" },
    }),
    "tsconfig.json": JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { "*": ["./preload.cjs"] } } }),
    "src/main.ts": trace("main"),
    "index.ts": trace("index"),
    [`node_modules/${WORKFLOW_THREAD_MODULE}`]: trace("workflow-thread"),
    ...Object.fromEntries(dependencies.map((name) => [`node_modules/${name}/index.js`, trace(name)])),
  };
  await mkdir(join(path, "traces"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await Bun.write(join(path, name), text);
  }
  return { path, traces: async () => (await Array.fromAsync(new Bun.Glob("*").scan(join(path, "traces")))).sort() };
}
