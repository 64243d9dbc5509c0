import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { cp, rename } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../src/core/limits.ts";
import { type Invocation, mayForget } from "../../src/daemon/journal.ts";
import { SqliteJournal } from "../../src/daemon/sqlite-journal.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CALL = "call_1";
const INVOCATION: Invocation = {
  toolName: "shell",
  inputJson: '{"command":"true"}',
  roots: ["/work"],
  timeoutMs: 1000,
  chatId: "chat_1",
};
const RESULT = {
  text: "done",
  isError: false,
  details: { exitCode: 0 },
  images: [{ mediaType: "image/png", data: "AA==" }],
};

async function withJournal(use: (open: () => SqliteJournal, path: string) => void | Promise<void>): Promise<void> {
  await using folder = await tempFolder("journal");
  const path = join(folder.path, "data", "journal.db");
  let open: SqliteJournal | undefined;
  try {
    await use(() => {
      open?.close();
      open = SqliteJournal.open(path);
      return open;
    }, path);
  } finally {
    open?.close();
  }
}

function closing(journal: SqliteJournal) {
  return { journal, [Symbol.dispose]: () => journal.close() };
}

describe("the daemon's journal", () => {
  test("keeps its id and counts its starts", async () => {
    await withJournal((open) => {
      const { id, startCount } = open();
      const next = open();
      expect([startCount, next.startCount, next.id]).toEqual([1, 2, id]);
    });
  });

  test("knows an offer, its start and its result after it was opened again", async () => {
    await withJournal((open) => {
      open().offer(CALL, INVOCATION);
      const second = open();
      expect(second.find(CALL)).toEqual({ state: "offered", toolCallId: CALL, invocation: INVOCATION });
      second.start(CALL);
      expect(second.find(CALL)).toEqual({ state: "started", toolCallId: CALL });
      second.finish(CALL, "finished", RESULT);
      const third = open();
      expect(third.find(CALL)).toEqual({ state: "result", toolCallId: CALL, ending: "finished", result: RESULT });
    });
  });

  test("makes a call that had started and has no result a result `gone`", async () => {
    await withJournal((open) => {
      const journal = open();
      journal.offer(CALL, INVOCATION);
      journal.start(CALL);
      const next = open();
      expect(next.find(CALL)).toEqual({ state: "result", toolCallId: CALL, ending: "gone", result: undefined });
      expect(next.open()).toEqual([{ toolCallId: CALL, state: "result" }]);
    });
  });

  test("gives what is open in the order in which it came, without what is acked", async () => {
    await withJournal((open) => {
      const journal = open();
      for (const id of ["call_b", "call_a", "call_c"]) journal.offer(id, INVOCATION);
      journal.finish("call_a", "not_started", undefined);
      journal.ack("call_a", { atMs: 1, connection: "1.1" });
      expect(journal.open().map(({ toolCallId }) => toolCallId)).toEqual(["call_b", "call_c"]);
      expect(
        open()
          .open()
          .map(({ toolCallId }) => toolCallId),
      ).toEqual(["call_b", "call_c"]);
    });
  });

  test("takes a tombstone: a result of a call that was never offered", async () => {
    await withJournal((open) => {
      open().finish(CALL, "not_started", undefined);
      expect(open().find(CALL)?.state).toBe("result");
    });
  });

  test("forgets an offer that was withdrawn, and nothing else", async () => {
    await withJournal((open) => {
      const journal = open();
      journal.offer(CALL, INVOCATION);
      journal.forget(CALL);
      expect(journal.find(CALL)).toBeUndefined();
      journal.finish(CALL, "not_started", undefined);
      expect(() => journal.forget(CALL)).toThrow(/not in that state/);
      expect(journal.find(CALL)?.state).toBe("result");
    });
  });

  for (const [name, act] of [
    ["started twice", (journal: SqliteJournal) => journal.start(CALL)],
    ["offered again", (journal: SqliteJournal) => journal.offer(CALL, INVOCATION)],
  ] as const) {
    test(`lets no call be ${name}`, async () => {
      await withJournal((open) => {
        const journal = open();
        journal.offer(CALL, INVOCATION);
        journal.start(CALL);
        expect(() => act(journal)).toThrow();
        expect(journal.find(CALL)?.state).toBe("started");
      });
    });
  }

  test("flushes what was not flushed, and nothing twice", async () => {
    await withJournal((open, path) => {
      const journal = open();
      const flushed = () => {
        journal.flush();
        return readFileSync(path).includes(RESULT.text);
      };
      journal.offer(CALL, INVOCATION);
      journal.start(CALL);
      expect(flushed()).toBe(false);
      journal.finish(CALL, "finished", RESULT);
      expect(readFileSync(path).includes(RESULT.text)).toBe(false);
      expect(flushed()).toBe(true);
      const at = statSync(path, { bigint: true }).mtimeNs;
      expect(flushed()).toBe(true);
      expect(statSync(path, { bigint: true }).mtimeNs).toBe(at);
    });
  });

  test("lets no result be written over another", async () => {
    await withJournal((open) => {
      const journal = open();
      journal.finish(CALL, "finished", RESULT);
      expect(() => journal.finish(CALL, "cancelled", undefined)).toThrow(/not in that state/);
      expect(journal.find(CALL)).toMatchObject({ ending: "finished" });
    });
  });

  test("keeps an acked call for days, and as long as the connection that acked it lives", async () => {
    await withJournal((open) => {
      const journal = open();
      journal.finish(CALL, "finished", RESULT);
      journal.ack(CALL, { atMs: 1000, connection: "1.1" });
      expect(journal.find(CALL)).toEqual({ state: "acked", toolCallId: CALL, ending: "finished" });
      journal.forgetOld(1000 + LIMITS.journalKeepMs, "1.2");
      expect(journal.find(CALL)?.state).toBe("acked");
      journal.forgetOld(1001 + LIMITS.journalKeepMs, "1.1");
      expect(journal.find(CALL)?.state).toBe("acked");
      journal.forgetOld(1001 + LIMITS.journalKeepMs, "1.2");
      expect(journal.find(CALL)).toBeUndefined();
    });
  });

  test("forgets what is old behind as many open calls as there may be", async () => {
    await withJournal((open) => {
      const journal = open();
      for (let index = 0; index < LIMITS.daemonOpenCalls; index++) journal.offer(`call_open_${index}`, INVOCATION);
      journal.finish(CALL, "finished", RESULT);
      journal.ack(CALL, { atMs: 1000, connection: "1.1" });
      journal.forgetOld(1001 + LIMITS.journalKeepMs, "1.2");
      expect(journal.find(CALL)).toBeUndefined();
      expect(journal.open()).toHaveLength(LIMITS.daemonOpenCalls);
    });
  });

  test("opens the file of the first release, whose indexes it leaves out", async () => {
    await withJournal((open, path) => {
      const first = open();
      first.offer(CALL, INVOCATION);
      first.close();
      const database = new Database(path);
      database.run("CREATE INDEX entry_open ON entry (number) WHERE state <> 'acked'");
      database.run("CREATE INDEX entry_acked ON entry (acked_at_ms) WHERE state = 'acked'");
      database.close();
      const next = SqliteJournal.open(path);
      expect(next.open()).toEqual([{ toolCallId: CALL, state: "offered" }]);
      next.close();
      const looked = new Database(path);
      expect(looked.query("SELECT name FROM sqlite_schema WHERE name LIKE 'entry\\_%' ESCAPE '\\'").all()).toEqual([]);
      looked.close();
    });
  });

  for (const [name, ack, may] of [
    ["old, and its connection has ended", { atMs: 9, connection: "1.1" }, true],
    ["old, but acked on the connection that lives", { atMs: 9, connection: "1.2" }, false],
    ["too young", { atMs: 10, connection: "1.1" }, false],
  ] as const) {
    test(`${may ? "may forget" : "keeps"} an ack that is ${name}`, () => {
      expect(mayForget(ack, { atMs: 110, connection: "1.2", keepMs: 100 })).toBe(may);
    });
  }

  test("forgets no call that is not acked, however old", async () => {
    await withJournal((open) => {
      const journal = open();
      journal.offer(CALL, INVOCATION);
      journal.finish("call_2", "finished", RESULT);
      journal.forgetOld(Number.MAX_SAFE_INTEGER, undefined);
      expect(journal.open()).toHaveLength(2);
    });
  });

  test("takes a new id and keeps what it knows", async () => {
    await withJournal((open) => {
      const journal = open();
      const old = journal.id;
      journal.offer(CALL, INVOCATION);
      journal.takeNewId();
      expect(journal.id).not.toBe(old);
      const next = open();
      expect(next.id).toBe(journal.id);
      expect(next.find(CALL)?.state).toBe("offered");
    });
  });

  test("takes a new id where its folder is a copy, each time anew, and keeps it where it was only moved", async () => {
    await using folder = await tempFolder("copies");
    const at = (name: string) => join(folder.path, name, "journal.db");
    const idAt = (name: string) => {
      using opened = closing(SqliteJournal.open(at(name)));
      return opened.journal.id;
    };
    const idsAt = (name: string) => [idAt(name), idAt(name)] as const;
    const [original] = idsAt("original");
    await cp(join(folder.path, "original"), join(folder.path, "copy"), { recursive: true });
    const [first, second] = idsAt("copy");
    expect(first).not.toBe(original);
    expect(second).toBe(first);
    expect(idsAt("original")).toEqual([original, original]);
    await rename(join(folder.path, "original"), join(folder.path, "moved"));
    expect(idsAt("moved")).toEqual([original, original]);
  });

  test("may lose an ack in a crash, and has the result told again", async () => {
    await withJournal(async (open, path) => {
      const crash = Bun.spawnSync(
        [
          process.execPath,
          "-e",
          `const { SqliteJournal } = await import(${JSON.stringify(join(import.meta.dir, "../../src/daemon/sqlite-journal.ts"))});
           const journal = SqliteJournal.open(${JSON.stringify(path)});
           journal.finish("${CALL}", "finished", undefined);
           journal.ack("${CALL}", { atMs: 1, connection: "1.1" });
           process.kill(process.pid, "SIGKILL");`,
        ],
        { stderr: "pipe" },
      );
      expect([crash.signalCode, crash.stderr.toString()]).toEqual(["SIGKILL", ""]);
      expect(open().find(CALL)?.state).toBe("result");
    });
  });

  test("refuses a second holder, and says what to do", async () => {
    await withJournal((open, path) => {
      open();
      expect(() => SqliteJournal.open(path)).toThrow(/another reliant daemon holds it/);
    });
  });

  test("refuses a file of a newer version", async () => {
    await withJournal((open, path) => {
      open().close();
      const database = new Database(path);
      database.run("PRAGMA user_version = 99");
      database.close();
      expect(() => SqliteJournal.open(path)).toThrow(/newer reliant/);
    });
  });

  test("says that a file that is no journal cannot be opened", async () => {
    await using folder = await tempFolder("journal");
    const path = join(folder.path, "journal.db");
    await Bun.write(path, "this is no database, whatever else it may be".repeat(100));
    expect(() => SqliteJournal.open(path)).toThrow(/open journal .*journal\.db: /);
  });

  test("is readable by its user only", async () => {
    await withJournal(async (open, path) => {
      open();
      const { mode } = await Bun.file(path).stat();
      expect(mode & 0o077).toBe(0);
    });
  });
});
