import { dirname } from "node:path";
import { stackPrograms } from "../../support/stack-programs.ts";

/** The flags by which `reliant chaos` and `reliant bench` are told where the tests' servers are. */
export async function programFlags(folder: string): Promise<string[]> {
  const { natsServer, temporal, postgres } = await stackPrograms(folder);
  return [
    ...["--nats-server", natsServer],
    ...["--temporal-cli", temporal],
    ...["--postgres-bin", dirname(postgres.postgres)],
  ];
}
