import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "nats";
import postgres from "postgres";
import { startNats } from "../support/nats-server.ts";
import { type OwnPostgresServer, startPostgres } from "../support/postgres-server.ts";
import { startTemporal } from "../support/temporal-server.ts";

async function query<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 5 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

describe("Postgres for tests", () => {
  let server: OwnPostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test("gives each test a database of its own", async () => {
    await using one = await server.freshDatabase("same name");
    await using two = await server.freshDatabase("same name");
    await query(one.url, (sql) => sql`create table only_here (id int)`);
    const inTwo = await query(two.url, (sql) => sql`select to_regclass('only_here') as found`);
    expect(inTwo[0]?.found).toBeNull();
  });

  test("fills a template once, however many ask for it at the same time", async () => {
    let filled = 0;
    const template = {
      key: "with a row",
      fill: async (url: string) => {
        filled += 1;
        await query(url, (sql) => sql`create table kept as select 7 as id`);
      },
    };
    const copies = await Promise.all(["a", "b", "c"].map((name) => server.freshDatabase(name, template)));
    const rows = await Promise.all(copies.map((copy) => query(copy.url, (sql) => sql`select id from kept`)));
    expect(rows.map((each) => each[0]?.id)).toEqual([7, 7, 7]);
    expect(filled).toBe(1);
    await Promise.all(copies.map((copy) => copy.drop()));
  });

  test("keeps what was committed when it is killed and started again", async () => {
    await using database = await server.freshDatabase("killed");
    await query(database.url, (sql) => sql`create table kept as select 9 as id`);
    await server.kill9();
    await expect(query(database.url, (sql) => sql`select 1`)).rejects.toThrow(/ECONNREFUSED|CONNECT_TIMEOUT|closed/i);
    await server.restart();
    expect((await query(database.url, (sql) => sql`select id from kept`))[0]?.id).toBe(9);
  });
});

describe("NATS for tests", () => {
  test("carries messages, and comes back at the same address after it was killed", async () => {
    await using server = await startNats();
    await server.kill9();
    await expect(connect({ servers: server.url, reconnect: false, timeout: 2000 })).rejects.toThrow();
    await server.restart();
    const connection = await connect({ servers: server.url, timeout: 2000 });
    connection.subscribe("echo", { max: 1, callback: (_, message) => void message.respond(message.data) });
    const answer = await connection.request("echo", "hello", { timeout: 2000 });
    expect(answer.string()).toBe("hello");
    await connection.close();
  });
});

describe("Temporal for tests", () => {
  test("is up with its namespace, and again after it was killed", async () => {
    await using server = await startTemporal();
    expect(server.namespace).toBe("reliant");
    await server.kill9();
    await server.restart();
    expect(server.address).toBe(`${server.host}:${server.port}`);
  }, 120_000);
});
