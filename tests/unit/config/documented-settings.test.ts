import { expect, test } from "bun:test";
import { defaultText } from "../../../src/config/row-text.ts";
import { rowsOf } from "../../../src/config/settings-of.ts";

/** The three tables of the documents' "Distributed mode", word for word: flag, variable, default. */
const DOCUMENTED = {
  api: [
    "--api-port API_PORT 8080",
    "--grpc-port GRPC_PORT 9090",
    "--health-port HEALTH_PORT 8081",
    "--pprof-port PPROF_PORT 6060",
    "--bind-address BIND_ADDRESS 0.0.0.0",
    "--db-driver DATABASE_DRIVER postgres",
    "--db-url DATABASE_URL",
    "--data-dir DATA_DIR ./data",
    "--temporal-host TEMPORAL_HOST localhost",
    "--temporal-port TEMPORAL_PORT 7233",
    "--temporal-namespace TEMPORAL_NAMESPACE reliant",
    "--nats-url NATS_URL required",
    "--streaming-driver STREAMING_DRIVER nats",
    "--tls-cert TLS_CERT_FILE",
    "--tls-key TLS_KEY_FILE",
    "--disable-tls DISABLE_TLS false",
    "--jwt-public-key JWT_PUBLIC_KEY",
    "--jwt-public-key-file JWT_PUBLIC_KEY_FILE",
    "--cors-origins CORS_ALLOWED_ORIGINS *",
  ],
  worker: [
    "--db-driver DATABASE_DRIVER postgres",
    "--db-url DATABASE_URL",
    "--data-dir DATA_DIR ./data",
    "--temporal-host TEMPORAL_HOST localhost",
    "--temporal-port TEMPORAL_PORT 7233",
    "--temporal-namespace TEMPORAL_NAMESPACE reliant",
    "--nats-url NATS_URL required",
    "--streaming-driver STREAMING_DRIVER nats",
    "--health-port HEALTH_PORT 8081",
  ],
  gateway: [
    "--daemon-port TOOLS_DAEMON_PORT 9190",
    "--frontend-port FRONTEND_PORT 9191",
    "--health-port HEALTH_PORT 8080",
    "--bind-address BIND_ADDRESS 0.0.0.0",
    "--db-driver DATABASE_DRIVER postgres",
    "--db-url DATABASE_URL",
    "--data-dir DATA_DIR ./data",
    "--nats-url NATS_URL required",
    "--cors-origins CORS_ALLOWED_ORIGINS *",
    "--tls-cert TLS_CERT_FILE",
    "--tls-key TLS_KEY_FILE",
    "--disable-tls DISABLE_TLS false",
    "--jwt-public-key JWT_PUBLIC_KEY",
  ],
} as const;

for (const role of ["api", "worker", "gateway"] as const) {
  test(`server ${role} takes every documented flag and variable, with the documented default`, () => {
    const ours = rowsOf(role).map(({ row }) => `${row.flag} ${row.env} ${defaultText(row, role)}`.trim());
    expect(ours).toEqual(expect.arrayContaining([...DOCUMENTED[role]]));
  });
}
