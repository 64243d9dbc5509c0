/** Who may import whom, in `src`. A row that names a path that is gone fails, and so does a folder without a row. */
export interface FolderRule {
  /** A folder of `src`, or a file directly in it. */
  readonly name: string;
  readonly mayImport: readonly string[];
  readonly because: string;
}

export const FOLDER_RULES: readonly FolderRule[] = [
  { name: "core", mayImport: [], because: "everything stands on it, so it stands on nothing of ours" },
  { name: "gen", mayImport: [], because: "it is generated from proto/" },
  { name: "chat", mayImport: ["core"], because: "the domain is pure: it knows no port, no wire and no driver" },
  { name: "config", mayImport: ["core"], because: "settings are read before anything else is there" },
  {
    name: "nats",
    mayImport: ["core"],
    because: "it holds the one connection to NATS, and knows nothing of what goes through it",
  },
  {
    name: "store",
    mayImport: ["core", "chat"],
    because: "rows are the domain's facts; who reads them is not the store's business",
  },
  { name: "models", mayImport: ["core", "chat"], because: "providers speak messages, whoever asks" },
  { name: "tools", mayImport: ["core", "chat"], because: "a tool runs the same in a worker and in a daemon" },
  { name: "auth", mayImport: ["core", "store"], because: "it tells who asks, by what the store knows" },
  {
    name: "updates",
    mayImport: ["core", "chat", "nats", "gen", "routing"],
    because: "hubs announce, on subjects whose names stand in routing/subjects.ts; they read nothing",
  },
  {
    name: "routing",
    mayImport: ["core", "chat", "gen", "nats", "store"],
    because: "it takes calls to daemons by the ledger, and does not know who asks or who runs them",
  },
  { name: "rpc", mayImport: ["core", "auth"], because: "what every port shares knows no service" },
  { name: "ops", mayImport: ["core", "gen", "store"], because: "health and debugging look at ports, for every role" },
  {
    name: "activities",
    mayImport: ["core", "chat", "models", "routing", "store", "tools", "updates"],
    because: "a step sees ports, whichever engine runs it",
  },
  {
    name: "engine",
    mayImport: ["core", "chat", "activities", "store"],
    because: "engines run the loop's steps, and know no role",
  },
  {
    name: "gateway",
    mayImport: ["core", "chat", "auth", "gen", "routing", "rpc", "store", "updates"],
    because: "a role sees ports, never drivers and never another role",
  },
  {
    name: "daemon",
    mayImport: ["core", "chat", "config", "gen", "tools", "routing"],
    because: "a role sees ports; a daemon has no store, no NATS and no model",
  },
  { name: "client", mayImport: ["core", "gen"], because: "a client knows the API and nothing behind it" },
  {
    name: "api",
    mayImport: ["core", "chat", "auth", "engine", "gen", "routing", "rpc", "store", "updates"],
    because: "a role sees ports, never drivers and never another role",
  },
  {
    name: "stack",
    mayImport: ["core", "gen", "daemon"],
    because:
      "it starts the roles as an operator does, by their executable; of a daemon it knows its log and its status file",
  },
  {
    name: "chaos",
    mayImport: ["core", "gen", "client", "stack"],
    because: "it sees a stack as its clients and its operator do, and nothing behind it: what it counts is its own",
  },
  {
    name: "bench",
    mayImport: [
      "core",
      "auth",
      "daemon",
      "gen",
      "engine",
      "gateway",
      "nats",
      "routing",
      "rpc",
      "stack",
      "store",
      "tools",
    ],
    because:
      "it measures roles as processes, ports in its own, and what they are made of bare; wiring gives it its drivers",
  },
  {
    name: "wiring",
    mayImport: [
      ...["core", "config", "gen", "chat", "nats", "store", "models", "tools", "auth", "updates", "routing"],
      ...["activities", "engine", "rpc", "ops", "api", "gateway", "daemon", "client", "build-info.ts"],
      ...["bench", "chaos", "stack"],
    ],
    because: "the composition roots: the only place that picks drivers",
  },
  {
    name: "cli",
    mayImport: ["core", "config", "wiring", "daemon", "build-info.ts"],
    because: "commands turn settings into a call of a composition root",
  },
  { name: "build-info.ts", mayImport: [], because: "facts that the build puts in" },
  { name: "main.ts", mayImport: ["core", "cli"], because: "argv to exit code, nothing else" },
];

/** Drivers: who else than their own folder and `wiring` may import them. */
export interface DriverRule {
  /** A folder or the beginning of file names, in `src`. */
  readonly driver: string;
  readonly alsoFrom: readonly string[];
  readonly because: string;
}

export const DRIVER_RULES: readonly DriverRule[] = [
  { driver: "store/kysely/", alsoFrom: [], because: "roles see the store's ports" },
  {
    driver: "engine/temporal/",
    alsoFrom: ["bench/raw-"],
    because: "roles see the engine's port; the bare SDK is measured in the same bundle and runtime",
  },
  { driver: "engine/embedded/", alsoFrom: [], because: "roles see the engine's port" },
  { driver: "routing/nats-", alsoFrom: [], because: "roles see the router's port" },
  { driver: "routing/local-", alsoFrom: [], because: "roles see the router's port" },
  { driver: "models/ai-sdk-", alsoFrom: [], because: "steps see the provider's port" },
  { driver: "updates/nats-", alsoFrom: [], because: "roles see the hub's port" },
  { driver: "updates/memory-", alsoFrom: [], because: "roles see the hub's port" },
  { driver: "models/scripted-provider", alsoFrom: [], because: "steps see the provider's port" },
];

/** Packages that stay behind the files that drive them. */
export interface PackageRule {
  /** A package, or the beginning of package names where it ends with `/`. */
  readonly package: string;
  readonly from: readonly string[];
  readonly because: string;
}

export const PACKAGE_RULES: readonly PackageRule[] = [
  {
    package: "nats",
    from: ["nats/", "routing/nats-", "bench/raw-"],
    because: "another broker would be a change of these files",
  },
  {
    package: "@temporalio/",
    from: ["engine/temporal/", "stack/temporal-server.ts", "bench/raw-"],
    because: "the loop and its steps know no engine; a stack asks the server that it starts whether it is up",
  },
  { package: "@ai-sdk/", from: ["models/"], because: "a vendor's types stop at its driver" },
  { package: "kysely", from: ["store/kysely/"], because: "a vendor's types stop at its driver" },
  {
    package: "postgres",
    from: ["store/kysely/", "stack/postgres-server.ts", "bench/raw-"],
    because: "a vendor's types stop at its driver; a stack asks the server that it starts whether it is up",
  },
  {
    package: "bun:sqlite",
    from: ["store/kysely/", "store/data-folder-lock.ts", "daemon/sqlite-journal.ts", "bench/raw-"],
    because: "SQL lives in drivers",
  },
  { package: "@logtape/logtape", from: ["core/logger.ts"], because: "components ask core/logger for theirs" },
];

/** Files of the domain that use no platform: they run in a workflow and in a browser. */
export const PURE_FOLDERS = ["chat"] as const;

/** What the workflow bundle is made from, and what must not be reached from there by more than a type. */
export const WORKFLOW_ENTRY = "src/engine/temporal/workflows.ts";

/** Packages that the bundle may hold by more than a type. */
export const WORKFLOW_PACKAGES: readonly string[] = ["@temporalio/workflow", "@temporalio/common"];

/** What is loaded by `reliant version`, and for every other command before its own code. */
export const START_ENTRIES: readonly string[] = ["src/main.ts", "src/cli/version.ts"];

/** What that may load beside our own files: a module such as `node:net` takes milliseconds and megabytes. */
export const START_MODULES: readonly string[] = ["node:os", "node:path"];

/** What pure code must not name; the workflow bundler refuses modules, not globals. */
export const PLATFORM =
  /\b(Bun|process|crypto|performance|setTimeout|setInterval|fetch|console)\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b/;
