import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../../auth/personal-access-token.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { BenchUser, Installation } from "../installation.ts";
import { requestCalls } from "../requested-calls.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import type { RequestedCall } from "./ledger-options.ts";
import { daemonIdOf } from "./part-options.ts";

/** Daemons that calls go to in turn. */
export const DAEMONS = 200;
const CALLS_OF_A_CHAT = 100;
/** Chats that are made at once. */
const MAKING = 8;
/** What the calls ask for. */
export const TOOL = { name: "read_file", input: { path: "x".repeat(PAYLOAD_BYTES) } } as const;

/** A file with a token that all daemons of the user may show. */
export async function makeToken({ store, folder }: Installation, user: BenchUser): Promise<string> {
  const { secret, prefix, hash } = mintToken();
  await store.tokens.create({ id: newId("tok"), userId: user.id, name: "bench", scope: "daemon", prefix, hash });
  const path = join(folder, "daemon-token");
  await writeFile(path, secret, { mode: 0o600 });
  return path;
}

/** Rows of daemons whose epoch is that of the recorded one: the fence of its statements holds for them. */
export async function makeBareDaemons({ store }: Installation, user: BenchUser, first: number): Promise<void> {
  const facts = { userId: user.id, lastEpoch: 0, startCount: 1, name: "bare", labels: {}, platform: "", version: "" };
  const ids = { gatewayId: newId("gtw"), instanceId: newId("ins"), journalId: newId("jrn") };
  for (let index = 0; index < DAEMONS; index++) {
    const answer = await store.daemons.hello({ ...facts, ...ids, daemonId: daemonIdOf(first + index) });
    if (answer.kind !== "taken" || answer.epoch !== 1) {
      throw new ReliantError("internal", `make the row of a daemon: its hello is answered ${answer.kind}`);
    }
  }
}

/** So many requested calls, in a file: one of each chat in turn, and one of each daemon. */
export async function makeCalls(
  { store, folder }: Installation,
  user: BenchUser,
  count: number,
  firstDaemon: number,
): Promise<string> {
  const chats: { readonly chatId: string; readonly callIds: readonly string[] }[] = [];
  for (let made = 0; made < count; made += MAKING * CALLS_OF_A_CHAT) {
    const some = Array.from({ length: MAKING }, () => requestCalls(store, user.id, CALLS_OF_A_CHAT, TOOL));
    chats.push(...(await Promise.all(some)));
  }
  const calls: RequestedCall[] = [];
  for (let index = 0; index < CALLS_OF_A_CHAT; index++) {
    for (const { chatId, callIds } of chats) {
      const daemonId = daemonIdOf(firstDaemon + (calls.length % DAEMONS));
      calls.push({ toolCallId: callIds[index] ?? "", chatId, daemonId });
    }
  }
  const path = join(folder, newId("call"));
  await writeFile(path, JSON.stringify(calls));
  return path;
}
