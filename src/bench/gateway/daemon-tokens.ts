import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../../auth/personal-access-token.ts";
import { newId } from "../../core/ids.ts";
import type { BenchUser, Installation } from "../installation.ts";

const USERS = 200;
/** Tokens that are made at once. */
const MAKING = 100;

/** One token a daemon, of a few hundred users, in a file that all processes read: its path. */
export async function makeDaemonTokens(installation: Installation, daemons: number): Promise<string> {
  const { store, folder } = installation;
  const users: BenchUser[] = [];
  for (let index = 0; index < USERS; index++) users.push(await installation.signUp(`user-${index}`));
  const secrets: string[] = [];
  for (let made = 0; made < daemons; made += MAKING) {
    await Promise.all(
      Array.from({ length: MAKING }, (_, index) => {
        const { secret, prefix, hash } = mintToken();
        secrets[made + index] = secret;
        const userId = users[(made + index) % USERS]?.id ?? "";
        return store.tokens.create({ id: newId("tok"), userId, name: "bench", scope: "daemon", prefix, hash });
      }),
    );
  }
  const path = join(folder, newId("tok"));
  await writeFile(path, secrets.join("\n"), { mode: 0o600 });
  return path;
}
