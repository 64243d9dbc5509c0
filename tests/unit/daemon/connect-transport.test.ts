import { expect, test } from "bun:test";
import { createSecureServer, createServer } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { Secret } from "../../../src/config/secret.ts";
import { ConnectTransport } from "../../../src/daemon/connect-transport.ts";
import { FrameQueue } from "../../../src/daemon/frame-queue.ts";
import { selfSignedCertificate } from "../../../src/rpc/self-signed-certificate.ts";
import { eventually } from "../../support/eventually.ts";
import { SmallGateway } from "../../support/small-gateway.ts";

async function portOf(server: Pick<Server, "listen" | "address">): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function failureAt(url: string, tlsMode: "tls" | "h2c"): Promise<unknown> {
  const transport = new ConnectTransport({ url, tlsMode, token: new Secret("rlnt_pat_test") });
  const answers = transport.connect((async function* () {})(), AbortSignal.timeout(5_000));
  return answers.next().catch((error: unknown) => error);
}

test("a certificate that nobody vouches for is an error that says what helps", async () => {
  const { key, cert } = selfSignedCertificate(["127.0.0.1"], Date.now());
  const server = createSecureServer({ key, cert });
  try {
    expect(await failureAt(`https://127.0.0.1:${await portOf(server)}`, "tls")).toMatchObject({
      message: expect.stringContaining("--tls-mode insecure_tls_skip_verify"),
    });
  } finally {
    server.close();
  }
});

test("an address that takes the connection and says nothing gives no sign of life; a gateway does, before it answers", async () => {
  const mute = createTcpServer((socket) => void socket.on("error", () => undefined));
  await using gateway = await SmallGateway.start();
  const reachedAt = async (url: string, ms: number) => {
    let reached = false;
    const transport = new ConnectTransport({ url, tlsMode: "h2c", token: new Secret("rlnt_pat_test") });
    const frames = new FrameQueue();
    const answers = transport.connect(frames, AbortSignal.timeout(ms), () => {
      reached = true;
    });
    const ended = answers.next().catch(() => undefined);
    await eventually("a sign of life", () => reached, { timeoutMs: ms }).catch(() => undefined);
    frames.close();
    await Promise.race([ended, Bun.sleep(ms)]);
    return reached;
  };
  expect(await reachedAt(`http://127.0.0.1:${await portOf(mute)}`, 500)).toBe(false);
  expect(await reachedAt(gateway.url, 5_000)).toBe(true);
  expect(gateway.connections).toEqual([]);
  mute.close();
});

test("an address where nobody listens is told as it is", async () => {
  const server = createServer();
  const port = await portOf(server);
  await new Promise((resolve) => server.close(resolve));
  expect(await failureAt(`http://127.0.0.1:${port}`, "h2c")).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/ECONNREFUSED 127\.0\.0\.1:\d+$/),
  });
});
