import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { systemClock } from "../../../src/core/clock.ts";
import { openTls } from "../../../src/rpc/open-tls.ts";
import { openRpcServer } from "../../../src/rpc/rpc-server.ts";
import { selfSignedCertificate } from "../../../src/rpc/self-signed-certificate.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const DAY_MS = 24 * 60 * 60 * 1000;
const none = { disableTls: false, tlsCert: undefined, tlsKey: undefined };

describe("a self-signed certificate", () => {
  const made = selfSignedCertificate(["localhost", "127.0.0.1", "::1", "fe80::1:2"], Date.now());
  const certificate = new X509Certificate(made.cert);

  test("is signed by its own key, for its names, and no authority over others", () => {
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.checkHost("example.com")).toBeUndefined();
    for (const address of ["127.0.0.1", "::1", "fe80::1:2"]) expect(certificate.checkIP(address)).toBe(address);
    expect(certificate.ca).toBe(false);
  });

  test("is read by OpenSSL as it is meant", async () => {
    const openssl = Bun.spawn(["openssl", "x509", "-noout", "-text"], {
      stdin: Buffer.from(made.cert),
      stdout: "pipe",
    });
    const text = await openssl.stdout.text();
    expect(await openssl.exited).toBe(0);
    expect(text).toContain("Version: 3");
    expect(text).toContain("ecdsa-with-SHA256");
    expect(text).toContain("DNS:localhost, IP Address:127.0.0.1");
    expect(text).toContain("TLS Web Server Authentication");
  });

  test("is made right every time, whatever its random numbers begin with", () => {
    for (let round = 0; round < 50; round++) {
      const each = new X509Certificate(selfSignedCertificate(["localhost"], Date.now()).cert);
      expect(each.verify(each.publicKey)).toBe(true);
    }
  });

  test("is valid beyond 2050, where dates are written in another way", () => {
    const later = new X509Certificate(selfSignedCertificate(["localhost"], Date.UTC(2049, 5, 1)).cert);
    expect(new Date(later.validTo).getUTCFullYear()).toBe(2051);
  });

  test("is trusted by who is given its file, and by nobody else", async () => {
    const server = await openRpcServer({ name: "t", port: 0, bindAddress: "127.0.0.1", tls: made, clock: systemClock });
    const greet = (ca: string | undefined) =>
      new Promise<string>((resolve) => {
        const socket = connect({
          port: server.port,
          host: "127.0.0.1",
          servername: "localhost",
          ...(ca === undefined ? {} : { ca }),
        });
        socket.once("secureConnect", () => {
          socket.destroy();
          resolve("trusted");
        });
        socket.once("error", () => resolve("refused"));
      });
    expect(await greet(made.cert)).toBe("trusted");
    expect(await greet(undefined)).toBe("refused");
    await server.close(0);
  });
});

describe("the certificate of our ports", () => {
  test("is none where TLS is disabled", async () => {
    expect(await openTls({ ...none, disableTls: true, dataDir: "/nowhere" }, systemClock)).toBeUndefined();
  });

  test("comes from the files of the settings", async () => {
    await using folder = await tempFolder("tls");
    const made = selfSignedCertificate(["localhost"], Date.now());
    const [tlsCert, tlsKey] = [join(folder.path, "a.crt"), join(folder.path, "a.key")];
    await Promise.all([Bun.write(tlsCert, made.cert), Bun.write(tlsKey, made.key)]);
    expect(await openTls({ disableTls: false, tlsCert, tlsKey, dataDir: folder.path }, systemClock)).toEqual(made);
    const half = openTls({ disableTls: false, tlsCert, tlsKey: undefined, dataDir: folder.path }, systemClock);
    await expect(half).rejects.toMatchObject({ code: "usage" });
    const gone = openTls({ disableTls: false, tlsCert: "/nowhere/a.crt", tlsKey, dataDir: folder.path }, systemClock);
    await expect(gone).rejects.toThrow("/nowhere/a.crt");
  });

  test("is made once for all processes that share the folder, and only its owner reads the key", async () => {
    await using folder = await tempFolder("tls");
    const settings = { ...none, dataDir: folder.path };
    const all = await Promise.all(Array.from({ length: 8 }, () => openTls(settings, systemClock)));
    expect(new Set(all.map((each) => each?.cert)).size).toBe(1);
    expect(await openTls(settings, systemClock)).toEqual(all[0]);
    const { mode } = await stat(join(folder.path, "certs/self-signed.pem"));
    expect(mode & 0o777).toBe(0o600);
    expect(await Bun.file(join(folder.path, "certs/self-signed.crt")).text()).toBe(all[0]?.cert ?? "");
  });

  test("is made anew before it ends, and where its file is cut", async () => {
    await using folder = await tempFolder("tls");
    const settings = { ...none, dataDir: folder.path };
    const clock = new ManualClock(Date.now());
    const first = await openTls(settings, clock);
    await clock.advance(790 * DAY_MS);
    expect(await openTls(settings, clock)).toEqual(first);
    await clock.advance(10 * DAY_MS);
    const second = await openTls(settings, clock);
    expect(second).not.toEqual(first);
    await Bun.write(join(folder.path, "certs/self-signed.pem"), second?.key ?? "");
    expect(await openTls(settings, clock)).not.toEqual(second);
  });

  test("that cannot be written is told with what to do", async () => {
    const failed = openTls({ ...none, dataDir: "/proc/nowhere" }, systemClock);
    await expect(failed).rejects.toMatchObject({
      code: "failed_precondition",
      hint: expect.stringContaining("--data-dir"),
    });
  });
});
