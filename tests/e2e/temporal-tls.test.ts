import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { selfSignedCertificate } from "../../src/rpc/self-signed-certificate.ts";
import { BOUNDS } from "../support/bounds.ts";
import { builtExecutable } from "../support/executable.ts";
import { startMonolith } from "../support/monolith.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";
import { startTlsFront, type TlsFront } from "../support/tls-front.ts";

/** What the front's certificate is for; its address is another one. */
const SERVER_NAME = "temporal.example";
const MODEL = ["--model", `scripted/${join(import.meta.dir, "scripts/monolith.yaml")}`];

describe("a Temporal server behind mutual TLS", () => {
  let temporal: TemporalServer;
  let folder: TempFolder;
  let front: TlsFront;

  beforeAll(async () => {
    await builtExecutable();
    temporal = await sharedTemporal();
    folder = await tempFolder("temporal-tls");
    await makeClientCertificate(folder.path);
    const server = selfSignedCertificate([SERVER_NAME], Date.now());
    await writeFile(join(folder.path, "ca.pem"), server.cert);
    const clientCa = await readFile(join(folder.path, "client.pem"), "utf8");
    front = await startTlsFront({ ...server, clientCa }, temporal);
  }, BOUNDS.buildMs);

  afterAll(async () => {
    await front?.[Symbol.asyncDispose]();
    await temporal?.stop();
    await folder?.remove();
  }, BOUNDS.stopMs);

  const flags = (...more: readonly string[]) => [
    ...[...MODEL, "--engine", "temporal", "--temporal-host", "127.0.0.1", "--temporal-port", String(front.port)],
    ...["--temporal-tls-ca", join(folder.path, "ca.pem"), ...more],
  ];
  const shown = () => [
    ...["--temporal-tls-cert", join(folder.path, "client.pem"), "--temporal-tls-key", join(folder.path, "client.key")],
    ...["--temporal-tls-server-name", SERVER_NAME],
  ];

  test("carries a chat with a tool from its message to its end", async () => {
    await using monolith = await startMonolith({ flags: flags(...shown()) });
    const project = await monolith.newProject();
    await writeFile(join(project, "go"), "");
    const run = await monolith.run("tick twice", project);
    expect((await run.awaitExit()).code, run.newestOutput()).toBe(0);
    expect(run.stdout).toContain("It ticked twice.");
    // Both of the SDK's connections: the client's and the worker's.
    expect(front.admitted).toBeGreaterThanOrEqual(2);
  }, 120_000);
});

/** By OpenSSL: our own certificates are those of servers. */
async function makeClientCertificate(folder: string): Promise<void> {
  const [cert, key] = [join(folder, "client.pem"), join(folder, "client.key")];
  const openssl = Bun.spawn(
    [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", "/CN=reliant-worker", "-addext", "extendedKeyUsage=clientAuth", "-keyout", key, "-out", cert],
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  const said = await openssl.stderr.text();
  if ((await openssl.exited) !== 0) throw new Error(`openssl: ${said}`);
}
