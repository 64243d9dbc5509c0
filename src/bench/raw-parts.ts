import { Database } from "bun:sqlite";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect } from "nats";
import postgres from "postgres";
import { BoundedQueue } from "../core/bounded-queue.ts";
import { ReliantError } from "../core/errors.ts";
import { type ConnectRequest, ConnectRequestSchema, ToolsDaemonService } from "../gen/reliant/v1/daemon_pb.ts";

/** One thing that a tool call is made of, without anything of ours around it. */
export interface RawAct {
  readonly what: string;
  /** How often it stands in a tool call (design §5). */
  readonly times: number;
  act(): Promise<void> | void;
}

export interface RawActs extends AsyncDisposable {
  readonly acts: readonly RawAct[];
}

/** About as long as the body of a tool request. */
const BODY = "x".repeat(400);

/** `echoUrl` and `subject` are those of raw-echo-peer.ts; `folder` is on the disk of the daemon's journal. */
export async function openRawActs(options: {
  readonly natsUrl: string;
  readonly subject: string;
  readonly echoUrl: string;
  readonly databaseUrl: string;
  readonly folder: string;
}): Promise<RawActs> {
  await using cleanup = new AsyncDisposableStack();

  const nats = await connect({ servers: options.natsUrl });
  cleanup.defer(() => nats.close());
  const stream = cleanup.use(openStream(options.echoUrl));
  const journal = openJournal(join(options.folder, "raw-journal.db"));
  cleanup.defer(() => journal.close());
  const sql = postgres(options.databaseUrl, { max: 1, onnotice: () => undefined });
  cleanup.defer(() => sql.end({ timeout: 2 }));
  await sql`create table raw_call (id int primary key, state int not null, note text not null)`;
  await sql`insert into raw_call values (1, 0, '')`;

  const insert = journal.query<unknown, [string]>("INSERT INTO entry (text) VALUES (?)");
  let state = 0;
  const owned = cleanup.move();
  return {
    acts: [
      { what: "NATS request and reply", times: 1, act: async () => void (await nats.request(options.subject, BODY)) },
      { what: "ping-pong on a gRPC stream, h2c", times: 2, act: () => stream.pingPong() },
      { what: "journal commit, SQLite synchronous=FULL", times: 1, act: () => void insert.run(BODY) },
      {
        what: "compare-and-set in Postgres, a transaction each",
        times: 3,
        act: async () => {
          const { count } =
            await sql`update raw_call set state = ${state + 1}, note = ${BODY} where id = 1 and state = ${state}`;
          if (count !== 1) throw new ReliantError("internal", "compare and set: the row is in another state");
          state += 1;
        },
      },
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function openJournal(path: string): Database {
  const journal = new Database(path, { create: true, strict: true });
  for (const pragma of ["locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"]) {
    journal.run(`PRAGMA ${pragma}`);
  }
  journal.run("CREATE TABLE entry (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT");
  return journal;
}

/** A stream of frames that the other end sends back. */
function openStream(url: string): AsyncDisposable & { pingPong(): Promise<void> } {
  const client = createClient(ToolsDaemonService, createGrpcTransport({ baseUrl: url }));
  const frames = new BoundedQueue<ConnectRequest>(16);
  const answers = client.connect(frames)[Symbol.asyncIterator]();
  let sequence = 0n;
  return {
    async pingPong() {
      sequence += 1n;
      frames.push(create(ConnectRequestSchema, { frame: { case: "heartbeat", value: { sequence } } }));
      const answer = await answers.next();
      if (answer.done === true) throw new ReliantError("internal", "ping on a stream: it has ended");
    },
    async [Symbol.asyncDispose]() {
      frames.close();
      await answers.return?.();
    },
  };
}
