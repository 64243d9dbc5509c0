import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { RunState } from "../gen/reliant/v1/chat_pb.ts";
import { untilAnswered } from "./api-retry.ts";
import { Bell } from "./bell.ts";
import { helloAnswer, helloPrompt } from "./chaos-script.ts";
import { followChat } from "./chat-stream.ts";
import { StreamRecord } from "./stream-record.ts";
import type { Target } from "./target.ts";
import { answerTexts } from "./transcript-facts.ts";

/**
 * Asks the stack one question that only chaos's script answers. Throws `failed_precondition` where another model
 * answered, or none: what to do stands in the hint.
 */
export async function checkScript(target: Target, clock: Clock, signal: AbortSignal): Promise<void> {
  const act = `ask ${target.name} who its model is`;
  const nonce = newId("msg");
  const chatId = newId("chat");
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMITS.chaosHelloMs)]);
  const ask = { url: target.apiUrl, clock, signal: inTime };
  const [daemon] = target.daemons;
  const record = new StreamRecord(chatId);
  const bell = new Bell();
  const failed = new AbortController();
  const leave = new AbortController();
  let following: Promise<void> | undefined;
  try {
    const { project } = await untilAnswered(ask, act, (options) =>
      target.api.projects.createProject({ name: "chaos", path: daemon?.root ?? "/" }, options),
    );
    const blocks = [{ content: { case: "text" as const, value: { text: helloPrompt(nonce) } } }];
    const start = { chatId, projectId: project?.id ?? "", daemonId: daemon?.id ?? "", model: target.model, blocks };
    await untilAnswered(ask, act, (options) =>
      target.api.chats.createChat({ ...start, title: "chaos hello" }, options),
    );
    const follow = {
      api: target.api,
      url: target.apiUrl,
      chatId,
      clock,
      signal: AbortSignal.any([leave.signal, inTime]),
    };
    following = followChat(record, { ...follow, onUpdate: () => bell.ring() }).catch((error: unknown) =>
      failed.abort(error),
    );
    await bell.until(() => record.runEnds.length > 0, AbortSignal.any([inTime, failed.signal]));
    const { messages } = await untilAnswered(ask, act, (options) => target.api.chats.listMessages({ chatId }, options));
    if (answerTexts(messages).includes(helloAnswer(nonce))) return;
    const [run] = record.runEnds;
    throw foreign(act, run?.state === RunState.FAILED ? run.errorMessage : "another model answered");
  } catch (error) {
    signal.throwIfAborted();
    if (inTime.aborted) throw foreign(act, `no answer within ${TRIAL_LIMITS.chaosHelloMs / 1000} s`);
    throw error;
  } finally {
    leave.abort();
    await following;
  }
}

function foreign(act: string, why: string): ReliantError {
  return new ReliantError("failed_precondition", `${act}: its answers do not come from chaos's script: ${why}`, {
    hint: "write it with `reliant chaos --write-script chaos.yaml`, and start every worker with --scripted-model chaos.yaml",
  });
}
