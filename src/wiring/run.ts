import { basename, resolve } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { createApiClient } from "../client/api-client.ts";
import { readLocalServerFile } from "../client/local-server-file.ts";
import { type RunListener, runSession } from "../client/run-session.ts";
import { paint, wantsColour } from "../client/terminal.ts";
import { TranscriptView } from "../client/transcript-view.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { type Run, RunState } from "../gen/reliant/v1/chat_pb.ts";
import { StreamUserUpdatesResponseSchema } from "../gen/reliant/v1/update_pb.ts";
import type { CommandContext } from "./command-context.ts";

/** After Ctrl-C the run has this long to end before we leave without it, milliseconds. */
const CANCEL_WAIT_MS = 15_000;

type Context = CommandContext & { write(text: string): Promise<void> };

/** `reliant run`: one chat from its prompt to its end. Exit code 0 succeeded, 1 failed, 130 cancelled. */
export async function runRun(settings: SettingsOf<"run">, prompt: string, context: Context): Promise<number> {
  if (prompt.trim() === "") {
    throw new ReliantError("usage", "there is no prompt", { hint: 'reliant run "fix the failing test"' });
  }
  const connect = async () =>
    createApiClient({ ...(await serverOf(settings)), verifyTls: settings.tlsMode !== "insecure_tls_skip_verify" });
  // At once, so that a server that is not there is told before anything is tried.
  await connect();
  const projectPath = resolve(settings.project);
  const leave = new AbortController();
  const onCancel = () => {
    context.warn("cancelling the run (once more: leave at once)");
    systemClock.after(CANCEL_WAIT_MS, () =>
      leave.abort(
        new ReliantError("cancelled", "the run did not end in time after the cancel: it goes on ending on the server"),
      ),
    );
  };
  context.signal.addEventListener("abort", onCancel, { once: true });
  try {
    const run = await runSession(
      connect,
      systemClock,
      { prompt, projectPath, projectName: basename(projectPath), model: settings.model ?? "" },
      settings.json ? jsonLines(context) : transcript(context),
      { cancel: context.signal, signal: leave.signal },
    );
    return exitCode(run, settings.json, context);
  } finally {
    context.signal.removeEventListener("abort", onCancel);
  }
}

async function serverOf(settings: SettingsOf<"run">): Promise<{ url: string; token: string }> {
  if (settings.server === undefined) {
    const local = await readLocalServerFile(settings.dataDir);
    return { url: local.url, token: settings.token?.reveal() ?? local.token };
  }
  if (settings.token === undefined) {
    throw new ReliantError("usage", `${settings.server}: no token to show it`, {
      hint: "pass one with --token or RELIANT_TOKEN (`--token -` reads it from standard input)",
    });
  }
  return { url: settings.server, token: settings.token.reveal() };
}

function transcript(context: Context): RunListener {
  const colour = wantsColour(process.env, process.stdout.isTTY === true);
  let view: TranscriptView | undefined;
  let broken: string | undefined;
  return {
    onChat: (chat) => {
      view = new TranscriptView(chat.id);
    },
    onUpdate: async (update) => {
      broken = undefined;
      const text = (view?.take(update) ?? []).map((piece) => paint(piece, colour)).join("");
      if (text !== "") await context.write(text);
    },
    // Once a reason: the tries come every few seconds.
    onReconnect: (reason) => {
      if (reason !== broken) context.warn(`${reason}: going on where the stream ended`);
      broken = reason;
    },
    onCancelUnheard: (reason) => context.warn(`the cancel was not heard: ${reason}`),
  };
}

function jsonLines(context: Context): RunListener {
  return {
    onChat: () => {},
    onUpdate: (update) => context.write(`${toJsonString(StreamUserUpdatesResponseSchema, update)}\n`),
    onReconnect: () => {},
    onCancelUnheard: (reason) => context.warn(`the cancel was not heard: ${reason}`),
  };
}

function exitCode(run: Run, json: boolean, context: CommandContext): number {
  switch (run.state) {
    case RunState.SUCCEEDED:
      return 0;
    case RunState.CANCELLED:
      if (!json) context.warn("the run was cancelled");
      return 130;
    default:
      if (!json) context.warn(`the run failed: ${run.errorMessage}`);
      return 1;
  }
}
