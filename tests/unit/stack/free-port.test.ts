import { describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { freePort, freePorts } from "../../../src/stack/free-port.ts";

describe("free ports", () => {
  test("are different, can be listened on, and lie below those that systems give to outgoing connections", async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    expect(Math.max(...ports)).toBeLessThan(32_768);
    expect(Math.min(...ports)).toBeGreaterThan(1024);
    const servers = await Promise.all(
      ports.map(
        (port) =>
          new Promise<{ close(): void }>((resolve, reject) => {
            const server = createServer();
            server.once("error", reject);
            server.listen(port, "127.0.0.1", () => resolve(server));
          }),
      ),
    );
    const another = await freePort();
    expect(ports).not.toContain(another);
    for (const server of servers) server.close();
  });

  test("are reserved while nobody listens on them: another process that looks is told that they are in use", async () => {
    const port = await freePort();
    const other = createSocket("udp4");
    const refused = once(other, "error");
    other.bind({ port, address: "127.0.0.1", exclusive: true });
    expect(await refused).toEqual([expect.objectContaining({ code: "EADDRINUSE" })]);
  });
});
