import type { FailingWire, Reply, ToldFailure } from "./failing-wire.ts";

/** What a provider gives to the requests of one chat: the first, the second …; the last again and again. */
export type Play = (failing: FailingWire) => readonly Reply[];

/** How many tools the play `many_calls` asks for at once. */
export const MANY_CALLS = 200;

/** How far ahead the date is until which `rate_limited_date` is to be left alone. */
export const DATE_AHEAD_MS = 5000;

/** A user's message `play:NAME:ID` has it played. */
export const PLAYS = {
  rate_limited: (failing) => [told(failing, "rate_limited"), whole(failing)],
  rate_limited_seconds: (failing) => [told(failing, "rate_limited", { "retry-after": "2" }), whole(failing)],
  rate_limited_date: (failing) => [
    told(failing, "rate_limited", { "retry-after": new Date(Date.now() + DATE_AHEAD_MS).toUTCString() }),
    whole(failing),
  ],
  rate_limited_long: (failing) => [told(failing, "rate_limited", { "retry-after": "50" }), whole(failing)],
  // Longer than a worker that was killed is noticed by its heartbeats.
  rate_limited_patient: (failing) => [told(failing, "rate_limited", { "retry-after": "12" }), whole(failing)],
  rate_limited_too_long: (failing) => [told(failing, "rate_limited", { "retry-after": "3600" })],
  overloaded: (failing) => [{ ...told(failing, "overloaded"), status: 529 }, whole(failing)],
  server_error: (failing) => [told(failing, "server_error"), whole(failing)],
  bad_gateway: (failing) => [
    { kind: "answer", status: 502, body: "<html><body><h1>502 Bad Gateway</h1>nginx</body></html>" },
    whole(failing),
  ],
  reset: (failing) => [{ kind: "stream", text: failing.wire.cut, end: "reset" }, whole(failing)],
  cut: (failing) => [proper(failing.wire.cut), whole(failing)],
  malformed: (failing) => [proper(failing.wire.malformed), whole(failing)],
  error_event: (failing) => [proper(failing.errorEvent.text), whole(failing)],
  call_broken_off: (failing) => [proper(failing.callBrokenOff), whole(failing)],
  silence: (failing) => [{ kind: "stream", text: failing.wire.cut, end: "silence" }],
  silence_then_answer: (failing) => [{ kind: "stream", text: failing.wire.cut, end: "silence" }, whole(failing)],
  // Each second one names a time that has come: the wait before the next is ours.
  gives_up: (failing) => [
    { kind: "stream", text: failing.wire.cut, end: "reset" },
    told(failing, "rate_limited", { "retry-after": "0" }),
    proper(failing.wire.cut),
    told(failing, "rate_limited", { "retry-after": "0" }),
    { kind: "stream", text: failing.wire.cut, end: "reset" },
  ],
  refusal: (failing) => [proper(failing.refusal)],
  too_long: (failing) => [proper(failing.tooLong)],
  call_too_long: (failing) => [proper(failing.callTooLong), whole(failing)],
  call_not_begun: (failing) => [proper(failing.callNotBegun), whole(failing)],
  context_too_long: (failing) => [told(failing, "context_too_long")],
  wrong_key: (failing) => [told(failing, "wrong_key")],
  unknown_model: (failing) => [told(failing, "unknown_model")],
  quota_spent: (failing) => [told(failing, "quota_spent")],
  many_calls: (failing) => [
    proper(failing.calls(Array.from({ length: MANY_CALLS }, (_, index) => `echo ${index} >> ran`))),
    whole(failing),
  ],
  tool_then_wait: (failing) => [
    proper(failing.calls(["echo once >> ran"])),
    told(failing, "rate_limited", { "retry-after": "4" }),
    whole(failing),
  ],
} satisfies Record<string, Play>;

export type PlayName = keyof typeof PLAYS;

/** Chooses by the message of the user, and by how often its chat has asked. */
export function player(failing: FailingWire): (asked: { readonly body: string }) => Reply {
  const asked = new Map<string, number>();
  return ({ body }) => {
    const [, name = "", id = ""] = /play:([a-z_]+):([a-z0-9]+)/.exec(body) ?? [];
    const play = isPlay(name) ? PLAYS[name] : undefined;
    const replies = play?.(failing) ?? [];
    const count = asked.get(id) ?? 0;
    asked.set(id, count + 1);
    return replies[Math.min(count, replies.length - 1)] ?? { kind: "answer", status: 400, body: `no play ${name}` };
  };
}

function isPlay(name: string): name is PlayName {
  return Object.hasOwn(PLAYS, name);
}

function proper(text: string): Reply {
  return { kind: "stream", text, end: "proper" };
}

function whole(failing: FailingWire): Reply {
  return proper(failing.wire.answer);
}

function told(failing: FailingWire, kind: ToldFailure, headers: Readonly<Record<string, string>> = {}) {
  const [first] = failing.told[kind];
  if (first === undefined) throw new Error(`${failing.wire.name} tells no ${kind}`);
  // A wait in the body would be taken where the header names none.
  return { kind: "answer", ...first, body: first.body.replace(/"retryDelay":"\d+s"/, '"x":"1"'), headers } as const;
}
