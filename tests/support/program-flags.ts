import { chmod } from "node:fs/promises";
import { dirname } from "node:path";
import { stackPrograms } from "./stack-programs.ts";

/** The flags by which `reliant chaos` and `reliant bench` are told where the tests' servers are; `folder` is opened to the user of Postgres. */
export async function programFlags(folder: string): Promise<string[]> {
  // Postgres runs as another user where we are root, perhaps from a copy in here.
  await chmod(folder, 0o711);
  const { natsServer, temporal, postgres } = await stackPrograms(folder);
  return [
    ...["--nats-server", natsServer],
    ...["--temporal-cli", temporal],
    ...["--postgres-bin", dirname(postgres.postgres)],
  ];
}
