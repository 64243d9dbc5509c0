import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { begin } from "../../contract/store/store-verbs.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { type ApiWorld, openApiWorld } from "./api-world.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

let world: ApiWorld;
let alice: Awaited<ReturnType<ApiWorld["signUp"]>>;
let bob: typeof alice;

beforeAll(async () => {
  world = await openApiWorld({ defaultModel: "scripted/demo.yaml" });
  [alice, bob] = await Promise.all([world.signUp(), world.signUp()]);
});
afterAll(() => world[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: { readonly code: string; readonly message: string };
    readonly [key: string]: unknown;
  };
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  token: string | undefined = alice.token,
): Promise<Answer> {
  const response = await fetch(`${world.replicas[0]?.url}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Answer["body"];
  return { status: response.status, body: answer };
}

const hello = { blocks: [{ text: { text: "hello" } }] };

async function newChat(fields: object = {}): Promise<string> {
  const { status, body } = await call("POST", "/api/v2/chats", { title: "t", ...fields });
  expect(status).toBe(201);
  return (body.chat as { readonly id: string }).id;
}

describe("chats", () => {
  test("are made with the default model, found, listed", async () => {
    const id = await newChat();
    expect((await call("GET", `/api/v2/chats/${id}`)).body).toMatchObject({
      chat: { id, model: "scripted/demo.yaml" },
    });
    const { body } = await call("GET", "/api/v2/chats?pageSize=200");
    expect((body.chats as { id: string }[]).map((chat) => chat.id)).toContain(id);
  });

  test("begin to work with their first message, whose first line is their title", async () => {
    const { body } = await call("POST", "/api/v2/chats", { blocks: [{ text: { text: "Fix it\nplease" } }] });
    expect(body).toMatchObject({
      chat: { title: "Fix it", run: { state: "RUN_STATE_RUNNING" } },
      message: { role: "ROLE_USER" },
    });
    expect(world.told).toContain(`wake ${(body.chat as { id: string }).id}`);
  });

  test("tell until when their run waits for the model's provider", async () => {
    const { body } = await call("POST", "/api/v2/chats", { blocks: [{ text: { text: "hello" } }] });
    const chat = body.chat as { readonly id: string; readonly run: { readonly id: string } };
    const { messageId, attempt } = await begin(world.store, chat.run.id);
    expect((await call("GET", `/api/v2/chats/${chat.id}`)).body).not.toHaveProperty("providerWait");
    const retryAtMs = Date.now() + 60_000;
    const error = { code: "unavailable", message: "overloaded" };
    await world.store.turns.noteAttempt({ messageId, attempt }, { error, retryAtMs });
    expect((await call("GET", `/api/v2/chats/${chat.id}`)).body.providerWait).toEqual({
      ...{ chatId: chat.id, messageId, attempt, until: new Date(retryAtMs).toISOString() },
      ...{ errorCode: "unavailable", errorMessage: "overloaded" },
    });
  });

  test("take a message, and the same id again changes nothing", async () => {
    const id = await newChat();
    const message = { ...hello, messageId: "msg_mine" };
    const first = await call("POST", `/api/v2/chats/${id}/messages`, message);
    const again = await call("POST", `/api/v2/chats/${id}/messages`, message);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body.message).toEqual(first.body.message);
    const { body } = await call("GET", `/api/v2/chats/${id}/messages`);
    expect((body.messages as object[]).length).toBe(1);
  });

  test("take a message while the engine is away: the outbox keeps it", async () => {
    const id = await newChat();
    world.engineAway = true;
    const { status } = await call("POST", `/api/v2/chats/${id}/messages`, hello);
    world.engineAway = false;
    expect(status).toBe(201);
    const waiting = await world.store.outbox.claim(Date.now() + LIMITS.outboxAgeMs * 2, LIMITS.outboxBatch);
    expect(waiting.map((entry) => [entry.kind, entry.chatId])).toContainEqual(["wake", id]);
  });

  test("are cancelled, and without a run nothing happens", async () => {
    const id = await newChat(hello);
    const { body } = await call("POST", `/api/v2/chats/${id}/cancel`);
    expect(body).toMatchObject({ run: { cancelRequested: true } });
    expect(world.told).toContain(`cancel ${id}`);
    expect((await call("POST", `/api/v2/chats/${await newChat()}/cancel`)).body).toEqual({});
  });

  test("of another user are not found, whatever is asked of them", async () => {
    const id = await newChat();
    const asked = [
      call("GET", `/api/v2/chats/${id}`, undefined, bob.token),
      call("POST", `/api/v2/chats/${id}/messages`, hello, bob.token),
      call("GET", `/api/v2/chats/${id}/messages`, undefined, bob.token),
      call("POST", `/api/v2/chats/${id}/cancel`, {}, bob.token),
    ];
    for (const answer of await Promise.all(asked)) {
      expect([answer.status, answer.body.error?.code]).toEqual([404, "not_found"]);
    }
  });

  test("with a model that nobody knows are not made", async () => {
    const { status, body } = await call("POST", "/api/v2/chats", { model: "oracle/delphi" });
    expect([status, body.error?.code]).toEqual([400, "invalid_argument"]);
    expect(body.error?.message).toContain("oracle/delphi");
  });

  test("refuse blocks that only others send", async () => {
    const id = await newChat();
    const blocks = [{ toolResult: { toolCallId: "call_1" } }];
    const { status, body } = await call("POST", `/api/v2/chats/${id}/messages`, { blocks });
    expect(status).toBe(400);
    expect(body.error?.message).toContain("blocks[0]");
  });
});

describe("projects, daemons and tokens", () => {
  test("a project is made once a path, and found", async () => {
    const make = () => call("POST", "/api/v2/projects", { name: "home", path: "/home/alice" });
    const [first, again] = [await make(), await make()];
    expect(again.body).toEqual(first.body);
    const { id } = first.body.project as { readonly id: string };
    expect((await call("GET", `/api/v2/projects/${id}`)).body.project).toEqual(first.body.project);
    expect((await call("GET", `/api/v2/projects/${id}`, undefined, bob.token)).status).toBe(404);
    expect((await call("GET", "/api/v2/projects")).body).toMatchObject({ projects: [{ id }] });
  });

  test("a path that is not absolute is refused", async () => {
    const { status, body } = await call("POST", "/api/v2/projects", { name: "home", path: "home" });
    expect(status).toBe(400);
    expect(body.error?.message).toContain("absolute");
  });

  test("daemons are listed", async () => {
    expect((await call("GET", "/api/v2/daemons")).body).toEqual({ daemons: [] });
  });

  test("a token is shown once, opens the API, and no longer when it is revoked", async () => {
    const made = await call("POST", "/api/v2/tokens", { name: "laptop", scope: "TOKEN_SCOPE_API", expiresInDays: 1 });
    const secret = made.body.secret as string;
    const { id } = made.body.token as { readonly id: string };
    expect(secret).toStartWith("rlnt_pat_");
    expect((await call("GET", "/api/v2/chats", undefined, secret)).status).toBe(200);
    expect(JSON.stringify((await call("GET", "/api/v2/tokens")).body)).not.toContain(secret);
    expect((await call("DELETE", `/api/v2/tokens/${id}`, undefined, bob.token)).status).toBe(404);
    expect((await call("DELETE", `/api/v2/tokens/${id}`)).body).toMatchObject({
      token: { revokedAt: expect.any(String) },
    });
    expect((await call("DELETE", `/api/v2/tokens/${id}`)).status).toBe(200);
  });

  test("a daemon's token does not open the API", async () => {
    const made = await call("POST", "/api/v2/tokens", { name: "machine" });
    expect(made.body.token).toMatchObject({ scope: "TOKEN_SCOPE_DAEMON" });
    const { status, body } = await call("GET", "/api/v2/chats", undefined, made.body.secret as string);
    expect([status, body.error?.code]).toEqual([403, "permission_denied"]);
  });
});

describe("what does not fit is told", () => {
  const failures: [string, () => Promise<Answer>, number, string][] = [
    ["no token", () => call("GET", "/api/v2/chats", undefined, ""), 401, "no token"],
    ["a token that is none", () => call("GET", "/api/v2/chats", undefined, "abc"), 401, "check token"],
    ["a route that is not there", () => call("GET", "/api/v2/nothing"), 404, "GET /api/v2/nothing"],
    ["a path outside of the API", () => call("GET", "/nothing"), 404, "no such route"],
    ["a body that is no JSON", () => call("POST", "/api/v2/chats", "{oops"), 400, "not JSON"],
    ["a body that is no object", () => call("POST", "/api/v2/chats", "[1]"), 400, "must be a JSON object"],
    ["a field of another type", () => call("POST", "/api/v2/chats", { title: 7 }), 400, "title"],
    ["a field that breaks a rule", () => call("POST", "/api/v2/chats", { title: "x".repeat(300) }), 400, "title"],
    ["a page that is too large", () => call("GET", "/api/v2/chats?pageSize=1000"), 400, "page_size"],
    ["an id that is no id", () => call("GET", "/api/v2/chats/a.b"), 400, "chat_id"],
    [
      "a body that is too large",
      () => call("POST", "/api/v2/chats", "x".repeat(LIMITS.requestBodyBytes + 1)),
      413,
      "larger",
    ],
    ["a cursor that is none", () => call("GET", "/api/v2/updates?chat=a:b:c"), 400, "chat="],
    ["a parameter that streams do not have", () => call("GET", "/api/v2/updates?chatIds=a"), 400, "chatIds"],
    [
      "a message without text",
      () => call("POST", "/api/v2/chats", { blocks: [{ text: { text: " \n" } }] }),
      400,
      "the text is empty",
    ],
  ];
  for (const [what, ask, status, says] of failures) {
    test(what, async () => {
      const answer = await ask();
      expect(answer.status).toBe(status);
      expect(answer.body.error?.message).toContain(says);
    });
  }
});

test("an event stream tells that it is open before anything happens", async () => {
  const leave = new AbortController();
  const opened = fetch(`${world.replicas[0]?.url}/api/v2/updates`, {
    headers: { authorization: `Bearer ${alice.token}` },
    signal: AbortSignal.any([leave.signal, AbortSignal.timeout(LIMITS.keepAliveMs / 2)]),
  });
  expect((await opened).headers.get("content-type")).toBe("text/event-stream");
  leave.abort();
});

test("pages of other origins may call, without credentials", async () => {
  const response = await fetch(`${world.replicas[0]?.url}/api/v2/chats`, {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "POST" },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(response.headers.get("access-control-allow-credentials")).toBeNull();
});
