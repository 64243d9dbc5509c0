import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { createServer } from "node:net";
import { ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";

/**
 * Where ports are looked for: below the range from which systems give ports to outgoing connections (Linux 32768, macOS and
 * Windows 49152), so that a server that was killed finds its port free when it comes back, whatever has connected meanwhile.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/**
 * The same ports of UDP, bound until this process ends: between the look and the listening of the program that a port is for,
 * and while that program is down, nobody else who looks here is given it, in this process or another. The system frees them.
 */
const reserved: Socket[] = [];

/** A TCP port of 127.0.0.1 that nobody listens on. For programs that cannot listen on port 0 and tell which they got. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIAL_LIMITS.stackPortTries; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const reservation = await reserve(port);
    if (reservation === undefined) continue;
    if (await canListen(port)) {
      reserved.push(reservation);
      return port;
    }
    reservation.close();
  }
  throw new ReliantError(
    "resource_exhausted",
    `find a free port: ${TRIAL_LIMITS.stackPortTries} tries, all of them in use`,
  );
}

/** Several free ports, all different. Throws `resource_exhausted`. */
export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}

/** Undefined where somebody else has it. */
function reserve(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(undefined));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(socket.unref()));
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
