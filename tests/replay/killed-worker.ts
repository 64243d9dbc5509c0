import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { EngineHostOptions } from "../support/engine-host.ts";
import { eventually } from "../support/eventually.ts";
import { tempFolder } from "../support/temp-folder.ts";
import type { Running } from "./scenes.ts";

const HOST = join(import.meta.dir, "../support/engine-host.ts");
const LONG = { timeoutMs: 60_000 };

/** Where the first worker is when it is killed: in its second answer, in its tool, or in a tool that is cancelled and has not heard of it yet. */
export const DEATHS = ["answer", "tool", "cancelled tool"] as const;

/** A chat whose worker is killed in the middle of a step; another one takes it over. Answers the chat's id. */
export async function killedWorker(
  death: (typeof DEATHS)[number],
  engine: Running["engine"],
  temporal: { readonly address: string; readonly taskQueue: string },
  workflow: { awaitCancel(chatId: string): Promise<unknown>; awaitEnd(chatId: string): Promise<unknown> },
): Promise<string> {
  await using folder = await tempFolder("killed");
  const file = (name: string) => join(folder.path, name);
  const storeFile = file("reliant.db");
  await using closing = new AsyncDisposableStack();
  const signal = AbortSignal.timeout(30_000);
  const store = await openStore({
    driver: "sqlite",
    file: storeFile,
    clock: systemClock,
    announce: () => undefined,
    signal,
  });
  closing.defer(() => store.close());
  const { id: userId } = await store.users.findOrCreate({ issuer: "local", subject: "ada" });
  const chatId = newId("chat");
  await store.chats.create({ id: chatId, userId, title: "t", model: "fake/one" });
  await store.chats.sendMessage({ userId, chatId, messageId: newId("msg"), blocks: [{ kind: "text", text: "work" }] });

  const startHost = async (name: string) => {
    const options: EngineHostOptions = {
      ...{ name, storeFile, notes: file("notes"), go: file(`go-${name}`), toolGo: file("tool-go"), temporal },
    };
    const host = await ManagedProcess.start({
      command: [process.execPath, HOST, JSON.stringify(options)],
      env: { PATH: process.env.PATH ?? "", HOME: folder.path },
      cwd: folder.path,
    });
    closing.defer(() => host.kill9());
    await host.awaitOutput(/ready/);
    return host;
  };
  const noted = (line: string) =>
    eventually(line, async () => (await Bun.file(file("notes")).text()).includes(line), LONG);

  if (death === "answer") await Bun.write(file("tool-go"), "");
  const first = await startHost("a");
  await engine.wake(chatId);
  await noted(death === "answer" ? "a: model asked with 1 results" : "a: tool ran");
  if (death === "cancelled tool") {
    await store.chats.requestCancel(userId, chatId);
    await engine.cancel(chatId);
    await workflow.awaitCancel(chatId);
  }
  await first.kill9();
  await Bun.write(file("go-b"), "");
  await startHost("b");
  const over = async () => (await store.chats.get(userId, chatId)).run?.state !== "running";
  await eventually("the run to end", over, { timeoutMs: 120_000 });
  await workflow.awaitEnd(chatId);
  return chatId;
}
