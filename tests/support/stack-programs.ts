import { join } from "node:path";
import { postgresUser } from "../../src/stack/postgres-user.ts";
import type { ServerPrograms } from "../../src/stack/server-programs.ts";
import { postgresProgram } from "./postgres-program.ts";
import { serverProgram } from "./server-programs.ts";

/** The programs of the tests' own servers, for a stack in `folder`, which takes a copy of Postgres where its user cannot reach it otherwise. */
export async function stackPrograms(folder: string): Promise<ServerPrograms> {
  const [natsServer, temporal, postgres] = await Promise.all([
    serverProgram("nats-server"),
    serverProgram("temporal"),
    postgresProgram(join(folder, "programs"), await postgresUser()),
  ]);
  return { natsServer, temporal, postgres };
}
