import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ApiClients } from "../../../src/stack/stack-client.ts";
import { followChat } from "../follow-chat.ts";
import type { FailingServer } from "./failing-server.ts";
import type { FailingWire } from "./failing-wire.ts";
import type { PlayName } from "./plays.ts";

/** A chat whose provider plays. `token` is its name in the requests. */
export async function startPlay(
  place: { readonly api: ApiClients; newProject(): Promise<string> },
  failing: FailingWire,
  name: PlayName,
) {
  const project = await place.newProject();
  const token = `c${crypto.randomUUID().slice(0, 8)}`;
  const made = await place.api.projects.createProject({ name: token, path: project });
  const { chat } = await place.api.chats.createChat({
    projectId: made.project?.id ?? "",
    model: failing.wire.model,
    blocks: [{ content: { case: "text", value: { text: `play:${name}:${token}` } } }],
  });
  return { chatId: chat?.id ?? "", project, token };
}

/** What the provider was asked by that chat, in order. */
export function askedBy(server: FailingServer, token: string) {
  return server.requests.filter(({ body }) => new RegExp(`play:[a-z_]+:${token}(?![a-z0-9])`).test(body));
}

/** The chat, with the waits that its client was told of, the attempts, and the text of each attempt that was void. */
export async function followPlay(
  api: ApiClients,
  chatId: string,
  timeoutMs: number,
  onLive: (live: string) => void = () => {},
  onWait: (messageId: string) => void = () => {},
) {
  const waits: { attempt: number; untilMs: number }[] = [];
  const attempts: number[] = [];
  const voided: string[] = [];
  let live = "";
  const followed = await followChat(api, chatId, {
    timeoutMs,
    onUpdate: ({ update }) => {
      if (update.case === "delta") {
        live += update.value.text;
        onLive(live);
      }
      if (update.case !== "chat") return;
      const { event } = update.value;
      if (event.case === "attemptStarted") {
        if (live !== "") voided.push(live);
        live = "";
        attempts.push(event.value.attempt);
      }
      if (event.case === "providerWaiting") {
        const { messageId, attempt, until } = event.value;
        onWait(messageId);
        waits.push({ attempt, untilMs: until === undefined ? 0 : timestampMs(until) });
      }
    },
  });
  return { ...followed, waits, attempts, voided };
}

/** Settings by their flags: `anthropicApiKey` is `--anthropic-api-key`. */
export function flagsOf({ wire }: FailingWire, url: string): string[] {
  return Object.entries(wire.settings(url)).flatMap(([name, value]) => [
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    `${value}`,
  ]);
}
