import { readSmallFile } from "../../config/check-files.ts";
import type { SettingsOf } from "../../config/settings-of.ts";
import { systemClock } from "../../core/clock.ts";
import type { CliContext } from "../command.ts";
import { signUserToken } from "./sign-user-token.ts";

export async function printUserToken(settings: SettingsOf<"token">, context: CliContext): Promise<number> {
  const token = await signUserToken({
    privateKeyPem: await readSmallFile(settings.privateKeyFile),
    subject: settings.subject,
    issuer: settings.issuer,
    audience: settings.audience,
    issuedAtMs: systemClock.now(),
    expiresInMs: settings.expiresInMs,
  });
  await context.write(`${token}\n`);
  return 0;
}
