import { expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { createIssuer } from "../../../src/stack/stack-user.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("the key by which a stack knows its users is for the one who started it alone", async () => {
  await using folder = await tempFolder("issuer");
  const { publicKeyFile } = await createIssuer(folder.path);
  expect(await Bun.file(publicKeyFile).text()).toStartWith("-----BEGIN PUBLIC KEY-----");
  expect((await stat(publicKeyFile)).mode & 0o777).toBe(0o600);
});
