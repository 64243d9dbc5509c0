import { describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { listenError, sharedDefault } from "../../../src/config/port-conflict.ts";
import { listeningInodes } from "../../../src/config/proc-net.ts";

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("an address in use is told with flag, variable and the process that holds it", async () => {
  const holder = await listen(0);
  try {
    const port = portOf(holder);
    const failure = await listen(port).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await listenError(failure, {
      role: "gateway",
      setting: "daemonPort",
      port,
      bindAddress: "127.0.0.1",
    });
    expect(error.code).toBe("address_in_use");
    const holding = process.platform === "linux" ? ` by process ${process.pid} (` : "";
    expect(error.message).toStartWith(
      `listen on 127.0.0.1:${port} for --daemon-port / TOOLS_DAEMON_PORT: address in use${holding}`,
    );
    expect(error.hint).toBe("Choose another port with --daemon-port or TOOLS_DAEMON_PORT, or stop what holds it");
  } finally {
    holder.close();
  }
});

describe("who else takes a port by default", () => {
  test.each([
    [
      "the gateway's health port",
      { role: "gateway", setting: "healthPort", port: 8080 },
      ["8080 is also the default of --api-port of the api, --api-port of the monolith"],
    ],
    [
      "the API's health port",
      { role: "api", setting: "healthPort", port: 8081 },
      ["8081 is also the default of --health-port of the worker, --health-port of the monolith"],
    ],
    ["a port of one's own", { role: "api", setting: "healthPort", port: 18081 }, []],
  ] as const)("%s", (_, wanted, hints) => {
    expect(sharedDefault(wanted)).toEqual([...hints]);
  });
});

describe("other failures of listening", () => {
  const wanted = { role: "api", setting: "apiPort", port: 80, bindAddress: "10.9.9.9" } as const;
  test.each([
    [
      "EACCES",
      "permission_denied",
      "Ports below 1024 need extra rights. Choose another port with --api-port or API_PORT, or stop what holds it",
    ],
    [
      "EADDRNOTAVAIL",
      "invalid_argument",
      "Give --bind-address / BIND_ADDRESS as an address of this machine, 127.0.0.1 or 0.0.0.0",
    ],
  ])("%s is %s", async (code, expected, hint) => {
    const error = await listenError(Object.assign(new Error("listen failed"), { code }), wanted);
    expect({ code: error.code, hint: error.hint }).toMatchObject({ code: expected, hint });
  });

  test("anything else keeps its message", async () => {
    const error = await listenError(new Error("boom"), wanted);
    expect(error.message).toBe("listen on 10.9.9.9:80 for --api-port / API_PORT: boom");
  });
});

test("the kernel's table is read: only listeners on the port count", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5011 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 5012 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5013 1 0000000000000000 100 0 0 10 0
`;
  expect(listeningInodes(table, 8080)).toEqual(["5011"]);
});
