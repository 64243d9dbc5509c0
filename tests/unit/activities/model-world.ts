import { type FakeAnswer, FakeModel } from "../../support/fake-model.ts";
import { type StepsWorld, stepsWorld } from "../../support/steps-world.ts";

/** A chat in which somebody said hello, and a model with these answers. */
export function world(...answers: FakeAnswer[]): StepsWorld & { readonly model: FakeModel } {
  const model = new FakeModel(answers);
  const made = stepsWorld({ model });
  made.chat.say("hello");
  return { ...made, model };
}

export function call(at: StepsWorld, messageId = "msg_1") {
  const runId = at.chat.run?.id ?? "";
  return at.steps.callModel({ chatId: at.chat.chatId, runId, messageId }, at.context);
}

export function answerOf(at: StepsWorld) {
  return at.chat.messages.findLast((message) => message.role === "assistant");
}
