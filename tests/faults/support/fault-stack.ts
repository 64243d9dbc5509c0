import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { LinkName } from "../../../src/stack/links.ts";
import { type LocalStack, startLocalStack } from "../../../src/stack/local-stack.ts";
import type { RoleProcess } from "../../../src/stack/role-process.ts";
import type { ToxicProxy } from "../../../src/stack/toxic-proxy.ts";
import { builtExecutable } from "../../support/executable.ts";
import { stackPrograms } from "../../support/stack-programs.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { Ledger } from "./ledger.ts";
import { type Conversation, writeScript } from "./script.ts";

/** A stack of its own for one claim: servers, roles and daemons that may be harmed, and a look into its database. */
export interface FaultStack extends AsyncDisposable {
  readonly stack: LocalStack;
  readonly ledger: Ledger;
  link(name: LinkName): ToxicProxy;
}

export interface StackSize {
  readonly apis: number;
  readonly gateways: number;
  readonly workers: number;
  /** What the scripted model plays. */
  readonly script: readonly Conversation[];
}

/** Starts it, ready when this resolves; its folder goes with it. */
export async function startFaultStack(size: StackSize): Promise<FaultStack> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder("faults"));
  // Where we are root, Postgres is another user, whose data lie inside.
  await chmod(folder.path, 0o711);
  const script = join(folder.path, "script.yaml");
  await writeScript(script, size.script);
  const stack = cleanup.use(
    await startLocalStack({
      programs: await stackPrograms(folder.path),
      folder: join(folder.path, "stack"),
      executable: await builtExecutable(),
      apis: size.apis,
      gateways: size.gateways,
      workers: size.workers,
      script,
      temporary: true,
    }),
  );
  const ledger = cleanup.use(new Ledger(stack.databaseUrl));
  const owned = cleanup.move();
  return {
    stack,
    ledger,
    link: (name) => {
      const link = stack.links.get(name);
      if (link === undefined) throw new Error(`there is no link ${name}`);
      return link;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The process of that place, as it runs now. */
export function at(roles: readonly RoleProcess[], index: number): RoleProcess {
  const role = roles[index];
  if (role === undefined) throw new Error(`there is no role ${index} of ${roles.length}`);
  return role;
}

/** The port under which others reach it. */
export function portOf(role: RoleProcess): number {
  return role.ports[role.kind === "gateway" ? "--daemon-port" : "--api-port"] ?? 0;
}
