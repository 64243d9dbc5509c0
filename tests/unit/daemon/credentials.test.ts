import { describe, expect, test } from "bun:test";
import { chmod, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Secret } from "../../../src/config/secret.ts";
import {
  type Credentials,
  credentialsWarning,
  readCredentials,
  resolveCredentials,
  writeCredentials,
} from "../../../src/daemon/credentials.ts";
import { readDaemonId, writeDaemonId } from "../../../src/daemon/identity-file.ts";
import { tlsModeOf } from "../../../src/daemon/tls-mode.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const FILE: Credentials = {
  gateway: "https://gateway.example",
  token: new Secret("rlnt_pat_file"),
  userId: "usr_file",
  daemonId: "dmn_file",
};
const NOTHING = {
  gatewayUrl: undefined,
  tlsMode: undefined,
  token: undefined,
  userId: undefined,
  daemonId: undefined,
  daemonName: undefined,
  labels: [],
};

describe("the credentials file", () => {
  test("gives what was written, to this user only, and leaves nothing else behind", async () => {
    await using folder = await tempFolder("credentials");
    const path = join(folder.path, "auth", "reliant-daemon.json");
    await writeCredentials(path, FILE);
    await writeCredentials(path, { ...FILE, userId: "usr_2", name: "laptop", labels: ["gpu"] });
    const read = await readCredentials(path);
    expect([read?.userId, read?.token.reveal(), read?.gateway]).toEqual(["usr_2", "rlnt_pat_file", FILE.gateway]);
    expect([read?.name, read?.labels]).toEqual(["laptop", ["gpu"]]);
    expect((await Bun.file(path).stat()).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(path))).toEqual(["reliant-daemon.json"]);
    expect(await credentialsWarning(path)).toBeUndefined();
  });

  test("that others may read is warned of", async () => {
    await using folder = await tempFolder("credentials");
    const path = join(folder.path, "reliant-daemon.json");
    await writeCredentials(path, FILE);
    await chmod(path, 0o644);
    expect(await credentialsWarning(path)).toMatch(/chmod 600/);
  });

  test("that is not there is no fault", async () => {
    expect(await readCredentials("/nowhere/at/all.json")).toBeUndefined();
    expect(await credentialsWarning("/nowhere/at/all.json")).toBeUndefined();
  });

  for (const [name, text, fault] of [
    ["no JSON", "token", /gateway[\s\S]*token/],
    ["a part missing", '{"gateway":"https://a","token":"t","userId":"u"}', /daemonId/],
    ["an address that is none", '{"gateway":"ftp://a","token":"t","userId":"u","daemonId":"d"}', /gateway/],
  ] as const) {
    test(`with ${name} is refused, and the token is not in the message`, async () => {
      await using folder = await tempFolder("credentials");
      const path = join(folder.path, "reliant-daemon.json");
      await Bun.write(path, text);
      const error = await readCredentials(path).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringMatching(fault), hint: expect.stringContaining("register") });
    });
  }
});

describe("what a daemon connects with", () => {
  test("is the credentials file", () => {
    expect(resolveCredentials(NOTHING, FILE, undefined)).toEqual({
      gateway: FILE.gateway,
      tlsMode: undefined,
      token: FILE.token,
      userId: "usr_file",
      daemonId: "dmn_file",
      name: undefined,
      labels: [],
    });
  });

  test("is the name and the labels that it was registered with, or those given now", () => {
    const registered = { ...FILE, name: "laptop", labels: ["os=linux"] };
    expect(resolveCredentials(NOTHING, registered, undefined)).toMatchObject({ name: "laptop", labels: ["os=linux"] });
    const given = { ...NOTHING, daemonName: "desk", labels: ["gpu"] };
    expect(resolveCredentials(given, registered, undefined)).toMatchObject({ name: "desk", labels: ["gpu"] });
  });

  test("is the TLS mode that it was registered with, at that gateway only", () => {
    const registered = { ...FILE, tlsMode: "insecure_tls_skip_verify" } as const;
    expect(resolveCredentials(NOTHING, registered, undefined).tlsMode).toBe("insecure_tls_skip_verify");
    expect(resolveCredentials({ ...NOTHING, tlsMode: "tls" }, registered, undefined).tlsMode).toBe("tls");
    const elsewhere = { ...NOTHING, gatewayUrl: "https://other.example" };
    expect(resolveCredentials(elsewhere, registered, undefined).tlsMode).toBeUndefined();
  });

  test("is the id of its own data folder, though another folder was registered since", () => {
    expect(resolveCredentials(NOTHING, FILE, "dmn_kept").daemonId).toBe("dmn_kept");
  });

  test("is what was given by hand, which overrides all of it", () => {
    const token = new Secret("rlnt_pat_hand");
    const given = {
      gatewayUrl: "http://127.0.0.1:1",
      tlsMode: undefined,
      token,
      userId: "usr_hand",
      daemonId: "dmn_hand",
      daemonName: "desk",
      labels: ["gpu"],
    };
    expect(resolveCredentials(given, FILE, "dmn_kept")).toEqual({
      gateway: "http://127.0.0.1:1",
      tlsMode: undefined,
      token,
      userId: "usr_hand",
      daemonId: "dmn_hand",
      name: "desk",
      labels: ["gpu"],
    });
  });

  test("with a token given by hand does not say that this machine is somebody else's daemon", () => {
    const given = { ...NOTHING, token: new Secret("rlnt_pat_hand") };
    expect(resolveCredentials(given, FILE, "dmn_kept")).toMatchObject({
      gateway: FILE.gateway,
      userId: "",
      daemonId: "dmn_kept",
    });
    expect(resolveCredentials(given, FILE, undefined).daemonId).toBe("");
  });

  test("without anything is an error that says to register", () => {
    expect(() => resolveCredentials(NOTHING, undefined, undefined)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("reliant daemon register") }),
    );
  });

  test("without an address is an error that names the flag", () => {
    const given = { ...NOTHING, token: new Secret("t") };
    expect(() => resolveCredentials(given, undefined, undefined)).toThrow(/--gateway/);
  });
});

describe("the daemon id of a data folder", () => {
  test("is kept", async () => {
    await using folder = await tempFolder("identity");
    const path = join(folder.path, "data", "identity.json");
    expect(await readDaemonId(path)).toBeUndefined();
    await writeDaemonId(path, "dmn_1");
    expect(await readDaemonId(path)).toBe("dmn_1");
  });

  test("that is damaged is an error that says what to do", async () => {
    await using folder = await tempFolder("identity");
    const path = join(folder.path, "identity.json");
    await Bun.write(path, '{"daemonId":"not an id"}');
    await expect(readDaemonId(path)).rejects.toMatchObject({ hint: expect.stringContaining("--daemon-id") });
  });
});

describe("the TLS mode", () => {
  test("follows the address", () => {
    expect([tlsModeOf("https://a", undefined), tlsModeOf("http://a", undefined)]).toEqual(["tls", "h2c"]);
    expect(tlsModeOf("https://a", "insecure_tls_skip_verify")).toBe("insecure_tls_skip_verify");
  });

  test("may not contradict it", () => {
    expect(() => tlsModeOf("https://a", "h2c")).toThrow(/does not fit/);
    expect(() => tlsModeOf("http://a", "tls")).toThrow(/does not fit/);
  });
});
