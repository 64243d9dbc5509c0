/** Exports of `src` that only tests use, with the reason why they are exported all the same. */
export interface TestOnlyExport {
  readonly path: string;
  readonly name: string;
  readonly because: string;
}

export const TEST_ONLY_EXPORTS: readonly TestOnlyExport[] = [
  { path: "src/config/resolve.ts", name: "resolveSettings", because: "tests make a role's settings with it" },
  { path: "src/config/suggest.ts", name: "editDistance", because: "its laws are tested on their own" },
  { path: "src/config/rules.ts", name: "isLoopback", because: "its cases are tested on their own" },
  { path: "src/config/port-conflict.ts", name: "sharedDefault", because: "its cases are tested on their own" },
  {
    path: "src/store/kysely/kysely-store.ts",
    name: "storeOver",
    because: "the simulation puts a database of its own under the store",
  },
  {
    path: "src/config/render-markdown.ts",
    name: "withSettingsTable",
    because: "the test of the README's tables writes them, too",
  },
  { path: "src/chaos/small-disk.ts", name: "checkFull", because: "a disk that is not full is none of its own" },
  { path: "src/chaos/descriptor-limit.ts", name: "checkLimit", because: "a limit that did not take cannot be made" },
  { path: "src/stack/postgres-user.ts", name: "everyoneMayEnter", because: "the tests' own Postgres is copied by it" },
  { path: "src/stack/server-programs.ts", name: "findPostgres", because: "the tests look for theirs elsewhere first" },
  {
    path: "src/engine/temporal/bundle/dependency-edits.ts",
    name: "CORE_TRIPLES",
    because: "tests look for the native core's file by it",
  },
  {
    path: "src/models/provider-failures.ts",
    name: "PROVIDER_FAILURES",
    because: "the table of what goes wrong with providers: a test plays each row in each vendor's format",
  },
  {
    path: "src/models/script-schema.ts",
    name: "scriptJsonSchema",
    because: "the schema file is written and compared by it",
  },
];

/** Files that no import reaches, but the program starts: with who starts them. */
export const ENTRIES: readonly { readonly path: string; readonly because: string }[] = [
  { path: "src/main.ts", because: "the executable's entry" },
  { path: "src/engine/temporal/workflows.ts", because: "the workflow bundle's entry" },
  { path: "src/bench/raw-bare-workflow.ts", because: "the entry of the bare SDK's bundle" },
];
