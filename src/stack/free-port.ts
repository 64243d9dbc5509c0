import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";
import { ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";

/**
 * Where ports are looked for: below the range from which systems give ports to outgoing connections (Linux 32768, macOS and
 * Windows 49152), so that a server that was killed finds its port free when it comes back, whatever has connected meanwhile.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/** A TCP port of 127.0.0.1 that nobody listens on now. For programs that cannot listen on port 0 and tell which they got. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Several free ports, all different. Throws `resource_exhausted`. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenSomewhere));
  await Promise.all(servers.map(({ server }) => new Promise((closed) => server.close(closed))));
  return servers.map(({ port }) => port);
}

async function listenSomewhere(): Promise<{ readonly server: Server; readonly port: number }> {
  for (let tries = 0; tries < TRIAL_LIMITS.stackPortTries; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const server = await listenOn(port);
    if (server !== undefined) return { server, port };
  }
  throw new ReliantError(
    "resource_exhausted",
    `find a free port: ${TRIAL_LIMITS.stackPortTries} tries, all of them in use`,
  );
}

/** Undefined where the port is in use. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
