import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { type LoadedSettings, loadSettings } from "../../../src/config/load.ts";
import type { Role } from "../../../src/config/row.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { hostWith, SERVER_ENV } from "./setting-texts.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const PUBLIC_PEM = publicKey.export({ type: "spki", format: "pem" }).toString();
const PRIVATE_PEM = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const ENCRYPTED_PEM = privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
  .toString();

function load<R extends Role>(role: R, argv: string[], stdin = ""): Promise<LoadedSettings<R>> {
  return loadSettings(role, { argv, host: hostWith(SERVER_ENV), takesText: false, readStdin: async () => stdin });
}

test("a public key comes by value or by file", async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, "public.pem");
  await Bun.write(file, PUBLIC_PEM);
  const byFile = await load("api", [`--jwt-public-key-file=${file}`]);
  const byValue = await load("api", ["--jwt-public-key", PUBLIC_PEM]);
  expect(byFile).toMatchObject({ kind: "settings", settings: { jwtPublicKeyFile: file } });
  expect(byValue).toMatchObject({ kind: "settings", settings: { jwtPublicKey: PUBLIC_PEM } });
});

test.each([
  ["no PEM", "hello", "it is not PEM: it must hold a line -----BEGIN PUBLIC KEY-----"],
  ["a private key", PRIVATE_PEM, "it holds a private key: give the public one, and keep the private one secret"],
  ["a cut key", PUBLIC_PEM.slice(0, 60), "its public key cannot be read: it is cut or damaged"],
])("a public key file that holds %s is a fault", async (_, content, reason) => {
  await using folder = await tempFolder();
  const file = join(folder.path, "key.pem");
  await Bun.write(file, content);
  expect(await load("gateway", [`--jwt-public-key-file=${file}`])).toEqual({
    kind: "faults",
    faults: [`--jwt-public-key-file / JWT_PUBLIC_KEY_FILE: ${file} cannot be used: ${reason}`],
  });
});

test("a key by value that is none is a fault that does not repeat it", async () => {
  expect(await load("api", ["--jwt-public-key", PRIVATE_PEM])).toEqual({
    kind: "faults",
    faults: [
      "--jwt-public-key / JWT_PUBLIC_KEY cannot be used: it holds a private key: give the public one, and keep the private one secret",
    ],
  });
});

test("files that are absent, folders, encrypted or of the other kind are told together, with all other faults", async () => {
  await using folder = await tempFolder();
  const [encrypted, wrong] = [join(folder.path, "encrypted.pem"), join(folder.path, "wrong.pem")];
  await Bun.write(encrypted, ENCRYPTED_PEM);
  await Bun.write(wrong, PUBLIC_PEM);
  const loaded = await load("worker", [
    "--health-port=x",
    `--temporal-tls-ca=${folder.path}/absent.pem`,
    `--temporal-tls-cert=${wrong}`,
    `--temporal-tls-key=${encrypted}`,
    `--scripted-model=${folder.path}`,
  ]);
  expect(loaded).toEqual({
    kind: "faults",
    faults: [
      expect.stringContaining("--health-port / HEALTH_PORT"),
      expect.stringContaining("--temporal-tls-ca / TEMPORAL_TLS_CA_FILE"),
      expect.stringContaining("it holds a public key, not a certificate"),
      expect.stringContaining("its private key is encrypted"),
      `--scripted-model / RELIANT_SCRIPTED_MODEL: ${folder.path} cannot be used: it is not a file`,
    ],
  });
});

test("a token given as - is read from standard input, without its line break", async () => {
  const loaded = await load("daemon", ["--token", "-"], "rlnt_pat_abc\n");
  expect(loaded.kind === "settings" && loaded.settings.token?.reveal()).toBe("rlnt_pat_abc");
});

test("an empty standard input is a fault", async () => {
  expect(await load("daemon", ["--token=-"], "\n")).toEqual({
    kind: "faults",
    faults: ["--token / RELIANT_TOKEN is -, but standard input is empty: pipe the secret in"],
  });
});

test("two secrets cannot both come from standard input", async () => {
  expect(await load("worker", ["--openai-api-key=-", "--anthropic-api-key=-"], "x")).toEqual({
    kind: "faults",
    faults: [
      "--anthropic-api-key / ANTHROPIC_API_KEY and --openai-api-key / OPENAI_API_KEY are both -: only one can be read from standard input",
    ],
  });
});
