import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { systemClock } from "../../../src/core/clock.ts";
import { freePorts } from "../../../src/stack/free-port.ts";
import { ManagedProcess } from "../../../src/stack/managed-process.ts";
import { type OpenStoreOptions, openStore } from "../../../src/store/kysely/kysely-store.ts";
import { MIGRATIONS } from "../../../src/store/kysely/migrations/migrations.ts";
import { type PostgresServer, sharedPostgres } from "../../support/postgres-server.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { type LivedIn, readAll } from "./lived-in-store.ts";
import { openRaw } from "./raw-database.ts";
import { aChatWithCalls, begin, say, text, updatesOf } from "./store-verbs.ts";

setDefaultTimeout(60_000);

const FOLDER = join(import.meta.dir, "released-schemas");
const PROOF = join(import.meta.dir, "migrate-proof.ts");
const MAIN = join(import.meta.dir, "../../../src/main.ts");
const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;
/** The schemas that releases had, each recorded by `record-release.ts` when it was released; the steps between two came with the later one. */
const RELEASED = ["0001", "0003"];

type Where = Pick<OpenStoreOptions, "driver" | "url" | "file">;

const RECORDING = z.object({
  livedIn: z.custom<LivedIn>((value) => typeof value === "object" && value !== null && "userId" in value),
  facts: z.record(z.string(), z.unknown()),
});

function open(where: Where) {
  const signal = AbortSignal.timeout(30_000);
  return openStore({ ...where, clock: systemClock, announce: () => undefined, signal });
}

let server: PostgresServer;
beforeAll(async () => {
  server = await sharedPostgres();
}, 60_000);
afterAll(() => server.stop());

/** An empty database, which is gone after the test. */
async function emptyDatabase(driver: "sqlite" | "postgres"): Promise<{ where: Where } & AsyncDisposable> {
  if (driver === "sqlite") {
    const folder = await tempFolder("migrations");
    return { where: { driver, file: join(folder.path, "reliant.db") }, [Symbol.asyncDispose]: folder.remove };
  }
  const database = await server.freshDatabase("migrations");
  return { where: { driver, url: database.url }, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

/** A database as a release left it, and what its ports told of it. */
async function released(version: string, driver: "sqlite" | "postgres") {
  const database = await emptyDatabase(driver);
  const file = (kind: string) => Bun.file(join(FOLDER, `${version}.${driver}.${kind}`));
  await using raw = openRaw(database.where);
  await raw.run(await file("sql").text());
  return { ...database, ...RECORDING.parse(await file("json").json()) };
}

async function schemaOf(where: Where): Promise<readonly string[]> {
  await using raw = openRaw(where);
  return await raw.schema();
}

test("each schema that was released is recorded for both databases, and what ships now is one of them", async () => {
  const recordings = RELEASED.flatMap((version) =>
    ["postgres.json", "postgres.sql", "sqlite.json", "sqlite.sql"].map((kind) => `${version}.${kind}`),
  );
  expect(readdirSync(FOLDER).sort()).toEqual([...recordings, "released.json"]);
  expect(Number(RELEASED.at(-1)), "run tests/contract/store/record-release.ts").toBe(NEWEST);
  const hashes = z.record(z.string(), z.string()).parse(await Bun.file(join(FOLDER, "released.json")).json());
  expect(Object.keys(hashes).map((file) => Number(file.slice(0, 4)))).toEqual(MIGRATIONS.map(({ version }) => version));
});

for (const driver of ["sqlite", "postgres"] as const) {
  for (const version of RELEASED) {
    describe(`a database of schema ${version}, on ${driver}`, () => {
      test("is taken over: everything in it is told as before, and it can be worked on", async () => {
        await using old = await released(version, driver);
        const store = await open(old.where);
        // JSON: as it was written down.
        expect(JSON.parse(JSON.stringify(await readAll(store, old.livedIn)))).toMatchObject(old.facts);
        const { userId, openChatId, doneChatId, runningCallId } = old.livedIn;
        const view = await store.turns.view(openChatId);
        const again = await begin(store, view.run?.id ?? "", view.answer?.messageId ?? "");
        await store.turns.completeAnswer(again, { state: "complete", blocks: [text("… the end")] });
        expect((await store.chats.get(userId, openChatId)).run?.state).toBe("succeeded");
        await say(store, await store.chats.get(userId, doneChatId), "and once more");
        await updatesOf(store, doneChatId);
        await aChatWithCalls(store, 2, userId);
        expect((await store.toolCalls.markUnreachable(runningCallId, "gone")).state).toBe("unknown");
        await store.close();
      });

      test("has the schema of a new one then", async () => {
        await using old = await released(version, driver);
        await using fresh = await emptyDatabase(driver);
        await (await open(old.where)).close();
        await (await open(fresh.where)).close();
        const schema = await schemaOf(old.where);
        expect(schema.length).toBeGreaterThan(50);
        expect(schema).toEqual(await schemaOf(fresh.where));
      });

      test("is migrated once where several servers start at the same time", async () => {
        await using old = await released(version, driver);
        const runs = Array.from({ length: 3 }, () =>
          Bun.spawn([process.execPath, PROOF, JSON.stringify(old.where)], { stdout: "pipe", stderr: "pipe" }),
        );
        const printed = await Promise.all(
          runs.map(async (run) => `${await run.stdout.text()}${await run.stderr.text()}`.trim()),
        );
        expect(new Set(printed).size).toBe(1);
        expect(printed[0]).toStartWith("usr_");
        await using raw = openRaw(old.where);
        const versions = await raw.rows("select version from schema_versions order by version");
        expect(versions.map((row) => Number(row.version))).toEqual(MIGRATIONS.map((migration) => migration.version));
      });
    });
  }
}

describe("a process that meets a schema of a later release", () => {
  test("says so, says what to do, and does not start", async () => {
    await using folder = await tempFolder("newer");
    const data = join(folder.path, "data");
    const file = join(data, "reliant.db");
    await (await open({ driver: "sqlite", file })).close();
    {
      await using raw = openRaw({ driver: "sqlite", file });
      await raw.run(`insert into schema_versions values (${NEWEST + 1}, 0)`);
    }
    const [http = 0, grpc = 0, health = 0] = await freePorts(3);
    const ports = ["--api-port", `${http}`, "--grpc-port", `${grpc}`, "--health-port", `${health}`];
    const monolith = await ManagedProcess.start({
      command: [process.execPath, MAIN, "monolith", "--data-dir", data, ...ports],
      env: { PATH: process.env.PATH ?? "", HOME: folder.path, ANTHROPIC_API_KEY: "none" },
      cwd: folder.path,
    });
    expect(await monolith.exited).toMatchObject({ code: 1 });
    expect(monolith.stderr).toContain(`its schema is version ${NEWEST + 1}`);
    expect(monolith.stderr).toContain("Run the release that wrote it, or a later one");
  });
});
