import { BENCH_FLAGS } from "./bench-flags.ts";
import { CHAOS_FLAGS } from "./chaos-flags.ts";
import { COMMAND_FLAGS } from "./command-flags.ts";
import {
  ANY_FILE,
  CERTIFICATE,
  choice,
  HTTP_URL,
  ID,
  LIST,
  LISTEN_PORT,
  MODEL,
  NATS_URL,
  ON_OFF,
  PATH,
  PEM,
  PORT,
  POSTGRES_URL,
  PRIVATE_KEY,
  PUBLIC_KEY,
  SECRET,
  TEXT,
} from "./kinds.ts";
import { OPTIONAL, REQUIRED, servers, setting, type UserFolder } from "./row.ts";

const MONOLITH_FOLDER: UserFolder = { kind: "userFolder", name: "monolith" };
const DAEMON_FOLDER: UserFolder = { kind: "userFolder", name: "daemon" };
/** Who may leave a setting out: the processes that call Temporal, those that call models, those that users reach. */
const CALLS_TEMPORAL = { api: OPTIONAL, worker: OPTIONAL, monolith: OPTIONAL };
const CALLS_MODELS = { worker: OPTIONAL, monolith: OPTIONAL };
const FACES_USERS = { api: OPTIONAL, gateway: OPTIONAL };
const RELIANT = { api: "reliant", worker: "reliant", monolith: "reliant" };
const LEVEL = "info" as const;
const FORMAT = "text" as const;

/**
 * THE table: every flag and environment variable, with its default for each process that takes it. It yields the parser, the
 * types, the help, `reliant config` and the README's tables. Names and defaults of the servers: the documents' "Distributed mode".
 */
export const SETTINGS = {
  // Listening. Ports of two roles collide by default, as documented: they are meant for two machines.
  apiPort: setting("--api-port", "API_PORT", LISTEN_PORT, { api: 8080, monolith: 8080 }, "HTTP API listen port"),
  grpcPort: setting(
    "--grpc-port",
    "GRPC_PORT",
    LISTEN_PORT,
    { api: 9090, monolith: 9090 },
    "gRPC/ConnectRPC listen port",
  ),
  daemonPort: setting(
    "--daemon-port",
    "TOOLS_DAEMON_PORT",
    LISTEN_PORT,
    { gateway: 9190 },
    "Daemon bidi-streaming gRPC listen port",
  ),
  frontendPort: setting(
    "--frontend-port",
    "FRONTEND_PORT",
    LISTEN_PORT,
    { gateway: 9191 },
    "Frontend proxy gRPC listen port",
  ),
  healthPort: setting(
    "--health-port",
    "HEALTH_PORT",
    LISTEN_PORT,
    { api: 8081, worker: 8081, gateway: 8080, monolith: 8081 },
    "Health and readiness endpoint port",
  ),
  pprofPort: setting(
    "--pprof-port",
    "PPROF_PORT",
    LISTEN_PORT,
    { api: 6060, monolith: 6060 },
    "Debug server port: profiles and /debug/db, on 127.0.0.1 only",
  ),
  bindAddress: setting(
    "--bind-address",
    "BIND_ADDRESS",
    TEXT,
    { ...servers("0.0.0.0"), monolith: "127.0.0.1" },
    "Network interface to bind to",
  ),
  corsOrigins: setting(
    "--cors-origins",
    "CORS_ALLOWED_ORIGINS",
    LIST,
    { api: ["*"], gateway: ["*"], monolith: ["*"] },
    "Comma-separated allowed origins, or * for all",
  ),

  // Store.
  dbDriver: setting(
    "--db-driver",
    "DATABASE_DRIVER",
    choice("sqlite", "postgres"),
    servers("postgres"),
    "Database driver",
  ),
  dbUrl: setting(
    "--db-url",
    "DATABASE_URL",
    POSTGRES_URL,
    servers(OPTIONAL),
    "Postgres connection string (required when the driver is postgres)",
  ),
  dataDir: setting(
    "--data-dir",
    "DATA_DIR",
    PATH,
    {
      ...servers("./data"),
      monolith: MONOLITH_FOLDER,
      run: MONOLITH_FOLDER,
      daemon: DAEMON_FOLDER,
      register: DAEMON_FOLDER,
      status: DAEMON_FOLDER,
      stop: DAEMON_FOLDER,
      logs: DAEMON_FOLDER,
      chaos: OPTIONAL,
    },
    "Folder for logs, certificates and local data",
  ),

  // Temporal.
  engine: setting(
    "--engine",
    "RELIANT_ENGINE",
    choice("embedded", "temporal"),
    { monolith: "embedded" },
    "Workflow engine: in this process, or a Temporal server",
  ),
  temporalHost: setting(
    "--temporal-host",
    "TEMPORAL_HOST",
    TEXT,
    { api: "localhost", worker: "localhost", monolith: OPTIONAL },
    "Temporal server hostname (monolith: without it, a local server is started for --engine temporal)",
  ),
  temporalPort: setting(
    "--temporal-port",
    "TEMPORAL_PORT",
    PORT,
    { api: 7233, worker: 7233, monolith: 7233 },
    "Temporal server port",
  ),
  temporalNamespace: setting("--temporal-namespace", "TEMPORAL_NAMESPACE", TEXT, RELIANT, "Temporal namespace"),
  temporalTaskQueue: setting("--temporal-task-queue", "TEMPORAL_TASK_QUEUE", TEXT, RELIANT, "Temporal task queue"),
  temporalTls: setting(
    "--temporal-tls",
    "TEMPORAL_TLS",
    ON_OFF,
    { api: false, worker: false, monolith: false },
    "Connect to Temporal by TLS; implied by an API key or a certificate",
  ),
  temporalTlsServerName: setting(
    "--temporal-tls-server-name",
    "TEMPORAL_TLS_SERVER_NAME",
    TEXT,
    CALLS_TEMPORAL,
    "Name that Temporal's certificate must have, where it is not the hostname",
  ),
  temporalTlsCa: setting(
    "--temporal-tls-ca",
    "TEMPORAL_TLS_CA_FILE",
    CERTIFICATE,
    CALLS_TEMPORAL,
    "CA certificate (PEM) that Temporal's certificate is checked against",
  ),
  temporalTlsCert: setting(
    "--temporal-tls-cert",
    "TEMPORAL_TLS_CERT_FILE",
    CERTIFICATE,
    CALLS_TEMPORAL,
    "Client certificate (PEM) for mutual TLS with Temporal",
  ),
  temporalTlsKey: setting(
    "--temporal-tls-key",
    "TEMPORAL_TLS_KEY_FILE",
    PRIVATE_KEY,
    CALLS_TEMPORAL,
    "Private key (PEM) of the client certificate",
  ),
  temporalApiKey: setting(
    "--temporal-api-key",
    "TEMPORAL_API_KEY",
    SECRET,
    CALLS_TEMPORAL,
    "API key of Temporal Cloud",
  ),

  // NATS.
  natsUrl: setting("--nats-url", "NATS_URL", NATS_URL, servers(REQUIRED), "NATS server URL, or several with commas"),
  streamingDriver: setting(
    "--streaming-driver",
    "STREAMING_DRIVER",
    choice("memory", "nats"),
    { api: "nats", worker: "nats" },
    "Streaming driver (forced to nats in servers)",
  ),

  // TLS of our own ports, and who a user is.
  tlsCert: setting("--tls-cert", "TLS_CERT_FILE", CERTIFICATE, FACES_USERS, "TLS certificate file path"),
  tlsKey: setting("--tls-key", "TLS_KEY_FILE", PRIVATE_KEY, FACES_USERS, "TLS private key file path"),
  disableTls: setting(
    "--disable-tls",
    "DISABLE_TLS",
    ON_OFF,
    { api: false, gateway: false },
    "Disable TLS (plaintext)",
  ),
  jwtPublicKey: setting(
    "--jwt-public-key",
    "JWT_PUBLIC_KEY",
    PEM,
    FACES_USERS,
    "JWT public key (PEM) that users' tokens are checked with",
  ),
  jwtPublicKeyFile: setting(
    "--jwt-public-key-file",
    "JWT_PUBLIC_KEY_FILE",
    PUBLIC_KEY,
    FACES_USERS,
    "Path to the JWT public key PEM file",
  ),
  jwtJwksUrl: setting(
    "--jwt-jwks-url",
    "JWT_JWKS_URL",
    HTTP_URL,
    FACES_USERS,
    "Address of the issuer's published keys (JWKS)",
  ),
  jwtIssuer: setting("--jwt-issuer", "JWT_ISSUER", TEXT, FACES_USERS, "Issuer that a JWT must have"),
  jwtAudience: setting("--jwt-audience", "JWT_AUDIENCE", TEXT, FACES_USERS, "Audience that a JWT must have"),

  // Models.
  model: setting(
    "--model",
    "RELIANT_MODEL",
    MODEL,
    { api: OPTIONAL, worker: OPTIONAL, monolith: OPTIONAL, run: OPTIONAL, chaos: OPTIONAL, bench: OPTIONAL },
    "Model, as PROVIDER/NAME: anthropic, openai, google, compatible, or scripted/FILE",
  ),
  scriptedModel: setting(
    "--scripted-model",
    "RELIANT_SCRIPTED_MODEL",
    ANY_FILE,
    CALLS_MODELS,
    "YAML script that plays the model, with no network",
  ),
  anthropicApiKey: setting("--anthropic-api-key", "ANTHROPIC_API_KEY", SECRET, CALLS_MODELS, "Key for Anthropic"),
  anthropicBaseUrl: setting(
    "--anthropic-base-url",
    "ANTHROPIC_BASE_URL",
    HTTP_URL,
    CALLS_MODELS,
    "Another address for Anthropic's API",
  ),
  openaiApiKey: setting("--openai-api-key", "OPENAI_API_KEY", SECRET, CALLS_MODELS, "Key for OpenAI"),
  openaiBaseUrl: setting(
    "--openai-base-url",
    "OPENAI_BASE_URL",
    HTTP_URL,
    CALLS_MODELS,
    "Another address for OpenAI's API",
  ),
  openaiApi: setting(
    "--openai-api",
    "OPENAI_API",
    choice("responses", "chat"),
    { worker: "responses", monolith: "responses" },
    "Which of OpenAI's APIs is spoken: Responses or chat completions",
  ),
  googleApiKey: setting(
    "--google-api-key",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    SECRET,
    CALLS_MODELS,
    "Key for Google's Gemini",
  ),
  googleBaseUrl: setting(
    "--google-base-url",
    "GOOGLE_BASE_URL",
    HTTP_URL,
    CALLS_MODELS,
    "Another address for Google's API",
  ),
  compatibleBaseUrl: setting(
    "--compatible-base-url",
    "COMPATIBLE_BASE_URL",
    HTTP_URL,
    CALLS_MODELS,
    "Address of an OpenAI-compatible server (Ollama, vLLM), for compatible/NAME",
  ),
  compatibleApiKey: setting(
    "--compatible-api-key",
    "COMPATIBLE_API_KEY",
    SECRET,
    CALLS_MODELS,
    "Key for the OpenAI-compatible server",
  ),

  // The daemon and its connection.
  gatewayUrl: setting(
    "--gateway",
    "RELIANT_GATEWAY_URL",
    HTTP_URL,
    { daemon: OPTIONAL, register: OPTIONAL, chaos: OPTIONAL },
    "Address of the gateway",
  ),
  token: setting(
    "--token",
    "RELIANT_TOKEN",
    SECRET,
    { daemon: OPTIONAL, register: OPTIONAL, run: OPTIONAL, chaos: OPTIONAL, bench: OPTIONAL },
    "Access token; - reads it from standard input",
  ),
  userId: setting(
    "--user-id",
    "RELIANT_USER_ID",
    ID,
    { daemon: OPTIONAL, register: OPTIONAL },
    "User whom the token belongs to",
  ),
  tlsMode: setting(
    "--tls-mode",
    "RELIANT_TLS_MODE",
    choice("tls", "insecure_tls_skip_verify", "h2c"),
    { daemon: OPTIONAL, register: OPTIONAL, run: OPTIONAL, chaos: OPTIONAL },
    "TLS mode; without it inferred from the address (https: tls, http: h2c)",
  ),
  daemonId: setting(
    "--daemon-id",
    "RELIANT_DAEMON_ID",
    ID,
    { daemon: OPTIONAL },
    "Id of this machine's daemon, in place of the kept one",
  ),
  daemonName: setting(
    "--name",
    "RELIANT_DAEMON_NAME",
    TEXT,
    { daemon: OPTIONAL, register: OPTIONAL },
    "Name of this machine (default its hostname)",
  ),
  labels: setting(
    "--labels",
    "RELIANT_DAEMON_LABELS",
    LIST,
    { daemon: [], register: [] },
    "Comma-separated labels of this machine",
  ),
  roots: setting(
    "--root",
    "RELIANT_ROOTS",
    LIST,
    { daemon: [] },
    "Folder that tools may work in; may be repeated (default any)",
  ),
  pingIntervalMs: setting(
    "--ping-interval-ms",
    "PING_INTERVAL_MS",
    { name: "integer", min: 1000, max: 300_000 },
    { daemon: 15_000 },
    "Milliseconds between HTTP/2 pings to the gateway",
  ),

  // Commands.
  server: setting(
    "--server",
    "RELIANT_SERVER",
    HTTP_URL,
    { run: OPTIONAL, chaos: OPTIONAL, bench: OPTIONAL },
    "Address of the API; reliant run goes without it to the monolith that runs on --data-dir",
  ),
  project: setting("--project", "RELIANT_PROJECT", PATH, { run: "." }, "Folder of the project that the agent works in"),
  logLevel: setting(
    "--log-level",
    "LOG_LEVEL",
    choice("debug", "info", "warning", "error"),
    { ...servers(LEVEL), monolith: LEVEL, daemon: LEVEL },
    "Least level that is logged",
  ),
  logFormat: setting(
    "--log-format",
    "LOG_FORMAT",
    choice("text", "json"),
    { ...servers(FORMAT), monolith: FORMAT, daemon: FORMAT },
    "Format of log lines on standard error",
  ),
  ...COMMAND_FLAGS,
  ...CHAOS_FLAGS,
  ...BENCH_FLAGS,
} as const;
