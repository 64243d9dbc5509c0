import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tempFolder } from "../support/temp-folder.ts";

const SOURCE = join(import.meta.dir, "../../src/daemon/sqlite-journal.ts");

/** Fills the disk with offers, then tells what the journal says and, with some room again, what it still knows. Run where the folder is a tiny disk. */
const SCRIPT = `
const { SqliteJournal } = await import(process.env.SOURCE);
const { rmSync, writeFileSync } = await import("node:fs");
const path = process.env.FOLDER + "/journal.db";
const room = process.env.FOLDER + "/room";
writeFileSync(room, Buffer.alloc(100_000));
const journal = SqliteJournal.open(path);
const invocation = { toolName: "shell", inputJson: "x".repeat(20_000), roots: [], timeoutMs: 1, chatId: "" };
const seen = { taken: 0 };
try {
  for (; seen.taken < 1000; seen.taken++) journal.offer("call_" + seen.taken, invocation);
} catch (error) {
  seen.code = error.code;
  seen.message = error.message;
}
const refused = "call_" + seen.taken;
seen.refusedIsUnknown = journal.find(refused) === undefined;
seen.lastIsKnown = journal.find("call_" + (seen.taken - 1))?.state;
journal.close();
rmSync(room);
seen.openAfter = SqliteJournal.open(path).open().length;
console.log(JSON.stringify(seen));
`;

test("a journal on a disk that is really full says so, and keeps exactly what it had taken", async () => {
  await using folder = await tempFolder("full");
  const disk = join(folder.path, "disk");
  await mkdir(disk);
  // A tiny disk of its own, in a mount namespace that ends with the process; as another user, in a user namespace too.
  const namespace =
    process.getuid?.() === 0 ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"];
  const run = Bun.spawn(
    [...namespace, "sh", "-c", 'mount -t tmpfs -o size=2m tmpfs "$FOLDER" && exec "$BUN" -e "$SCRIPT"'],
    { env: { ...process.env, FOLDER: disk, SOURCE, SCRIPT, BUN: process.execPath }, stdout: "pipe", stderr: "pipe" },
  );
  const [out, err, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  expect([code, err]).toEqual([0, ""]);
  const seen: { taken: number } = JSON.parse(out);
  expect(seen).toMatchObject({
    code: "resource_exhausted",
    message: expect.stringMatching(/^journal the offer of call_\d+ in .*journal\.db: the disk is full$/),
    refusedIsUnknown: true,
    lastIsKnown: "offered",
    openAfter: seen.taken,
  });
  expect(seen.taken).toBeGreaterThan(10);
});
