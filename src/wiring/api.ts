import { DBPATValidator } from "../auth/db-pat-validator.ts";
import { type JwtKeySource, JwtVerifier } from "../auth/jwt-verifier.ts";
import { TokenIdentity } from "../auth/token-identity.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { TemporalConnection } from "../engine/temporal/temporal-connection.ts";
import { TemporalEngine } from "../engine/temporal/temporal-engine.ts";
import { parseModelName } from "../models/model-catalog.ts";
import { NATSDaemonRouter } from "../routing/nats-daemon-router.ts";
import { openTls } from "../rpc/open-tls.ts";
import type { Store } from "../store/store.ts";
import { openApiApp } from "./api-app.ts";
import { BACKEND_CHECKS, openBackends } from "./backends.ts";
import type { CommandContext } from "./command-context.ts";
import { runServer } from "./server-process.ts";
import { temporalSettings } from "./temporal.ts";

/** `reliant server api`: the clients' HTTP and gRPC. Stateless. */
export function runApi(settings: SettingsOf<"api">, context: CommandContext): Promise<number> {
  return runServer("api", settings, context, BACKEND_CHECKS, async (parts) => {
    const tls = await openTls(settings, clock);
    const { store, nats, hub } = await openBackends("api", settings, parts);
    const router = new NATSDaemonRouter({ store, link: nats, clock });
    parts.closing.defer(() => router.close());
    const connection = TemporalConnection.open(await temporalSettings(settings.temporalHost, settings), clock);
    const engine = new TemporalEngine(connection, { taskQueue: settings.temporalTaskQueue });
    parts.closing.defer(() => engine.close());
    const { drain } = await openApiApp(
      {
        role: "api",
        store,
        engine,
        router,
        hub,
        verifier: await verifierOf(settings, store, context),
        checkModel: (name) => void parseModelName(name),
        defaultModel: settings.model,
        tls,
      },
      settings,
      parts,
    );
    return drain;
  });
}

async function verifierOf(settings: SettingsOf<"api">, store: Store, context: CommandContext): Promise<TokenIdentity> {
  const source = keySource(settings);
  if (source === undefined) {
    context.warn(
      "no key for users' tokens is configured: only personal access tokens are taken (set --jwt-public-key, --jwt-public-key-file or --jwt-jwks-url)",
    );
  }
  return new TokenIdentity({
    pats: new DBPATValidator({ store, clock }),
    jwts:
      source === undefined
        ? undefined
        : await JwtVerifier.open(
            source,
            { store, clock },
            { issuer: settings.jwtIssuer, audience: settings.jwtAudience },
          ),
  });
}

function keySource(settings: SettingsOf<"api">): JwtKeySource | undefined {
  if (settings.jwtPublicKey !== undefined) return { kind: "pem", pem: settings.jwtPublicKey };
  if (settings.jwtPublicKeyFile !== undefined) return { kind: "file", path: settings.jwtPublicKeyFile };
  if (settings.jwtJwksUrl !== undefined) return { kind: "jwks", url: settings.jwtJwksUrl };
  return undefined;
}
