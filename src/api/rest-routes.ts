import { create, type DescMessage, fromJson, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Identity, IdentityVerifier } from "../auth/identity.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import * as chatpb from "../gen/reliant/v1/chat_pb.ts";
import * as daemonpb from "../gen/reliant/v1/daemon_admin_pb.ts";
import * as projectpb from "../gen/reliant/v1/project_pb.ts";
import * as tokenpb from "../gen/reliant/v1/token_pb.ts";
import * as updatepb from "../gen/reliant/v1/update_pb.ts";
import { shownError } from "../rpc/connect-errors.ts";
import { authenticate } from "../rpc/identity-gate.ts";
import type { RequestValidator } from "../rpc/request-validator.ts";
import type { Apis } from "./apis.ts";
import { mayGoOn } from "./stream-caller.ts";
import { eventStream, streamRequestOf } from "./update-events.ts";

export interface RestDeps {
  readonly apis: Apis;
  readonly verifier: IdentityVerifier;
  readonly validator: RequestValidator;
}

type Env = { Variables: { identity: Identity } };

/**
 * REST under `/api/v2`: the same functions as the RPC services, the same messages as protobuf JSON. What stands in the
 * path or the query has the field's name. Errors are `{"error":{"code","message"}}`.
 */
export function restRoutes(deps: RestDeps): Hono<Env> {
  const { chats, projects, tokens, daemons } = deps.apis;
  const log = logger("api", "rest");
  const app = new Hono<Env>().basePath("/api/v2");

  app.use(bodyLimit({ maxSize: LIMITS.requestBodyBytes, onError: (context) => tooLarge(context) }));
  app.use(async (context, next) => {
    const authorization = context.req.header("authorization") ?? null;
    context.set("identity", await authenticate(deps.verifier, authorization, "api", context.req.raw.signal));
    await next();
  });
  app.onError((error, context) => {
    const shown = shownError(error, `${context.req.method} ${context.req.routePath}`, log);
    return failure(context, shown);
  });

  /** A route of one function: the message is made of body, path and query, checked, and handed on. */
  const route = <In extends DescMessage, Out extends DescMessage>(
    input: In,
    output: Out,
    call: (identity: Identity, request: MessageShape<In>, signal: AbortSignal) => Promise<MessageShape<Out>>,
    status: ContentfulStatusCode = 200,
  ) => {
    return async (context: Context<Env>) => {
      const request = await requestOf(input, context);
      await deps.validator.check(input, request);
      const answer = await call(context.get("identity"), request, context.req.raw.signal);
      // An empty list is `[]`, not a field that is missing.
      return context.json(toJson(output, answer, { alwaysEmitImplicit: true }), status);
    };
  };

  app.post(
    "/chats",
    route(
      chatpb.CreateChatRequestSchema,
      chatpb.CreateChatResponseSchema,
      (who, ask) => chats.createChat(who, ask),
      201,
    ),
  );
  app.get(
    "/chats",
    route(chatpb.ListChatsRequestSchema, chatpb.ListChatsResponseSchema, (who, ask) => chats.listChats(who, ask)),
  );
  app.get(
    "/chats/:chatId",
    route(chatpb.GetChatRequestSchema, chatpb.GetChatResponseSchema, (who, ask) => chats.getChat(who, ask)),
  );
  app.get(
    "/chats/:chatId/messages",
    route(chatpb.ListMessagesRequestSchema, chatpb.ListMessagesResponseSchema, (who, ask) =>
      chats.listMessages(who, ask),
    ),
  );
  app.post(
    "/chats/:chatId/messages",
    route(
      chatpb.SendMessageRequestSchema,
      chatpb.SendMessageResponseSchema,
      (who, ask) => chats.sendMessage(who, ask),
      201,
    ),
  );
  app.post(
    "/chats/:chatId/cancel",
    route(chatpb.CancelRunRequestSchema, chatpb.CancelRunResponseSchema, (who, ask) => chats.cancelRun(who, ask)),
  );
  app.post(
    "/projects",
    route(
      projectpb.CreateProjectRequestSchema,
      projectpb.CreateProjectResponseSchema,
      (who, ask) => projects.createProject(who, ask),
      201,
    ),
  );
  app.get(
    "/projects",
    route(projectpb.ListProjectsRequestSchema, projectpb.ListProjectsResponseSchema, (who, ask) =>
      projects.listProjects(who, ask),
    ),
  );
  app.get(
    "/projects/:projectId",
    route(projectpb.GetProjectRequestSchema, projectpb.GetProjectResponseSchema, (who, ask) =>
      projects.getProject(who, ask),
    ),
  );
  app.get(
    "/daemons",
    route(daemonpb.ListDaemonsRequestSchema, daemonpb.ListDaemonsResponseSchema, (who, ask) =>
      daemons.listDaemons(who, ask),
    ),
  );
  app.post(
    "/daemons/:daemonId/load-config",
    route(daemonpb.LoadDaemonConfigRequestSchema, daemonpb.LoadDaemonConfigResponseSchema, (who, ask, signal) =>
      daemons.loadDaemonConfig(who, ask, signal),
    ),
  );
  app.post(
    "/tokens",
    route(
      tokenpb.CreateTokenRequestSchema,
      tokenpb.CreateTokenResponseSchema,
      (who, ask) => tokens.createToken(who, ask),
      201,
    ),
  );
  app.get(
    "/tokens",
    route(tokenpb.ListTokensRequestSchema, tokenpb.ListTokensResponseSchema, (who, ask) => tokens.listTokens(who, ask)),
  );
  app.delete(
    "/tokens/:tokenId",
    route(tokenpb.RevokeTokenRequestSchema, tokenpb.RevokeTokenResponseSchema, (who, ask) =>
      tokens.revokeToken(who, ask),
    ),
  );
  app.get("/updates", async (context) => {
    const asked = streamRequestOf(new URL(context.req.url).searchParams, context.req.header("last-event-id"));
    await deps.validator.check(updatepb.StreamUserUpdatesRequestSchema, asked);
    const request = await deps.apis.streaming.settle(context.get("identity"), asked);
    const authorization = context.req.header("authorization") ?? null;
    const { signal } = context.req.raw;
    const caller = { identity: context.get("identity"), mayGoOn: mayGoOn(deps.verifier, authorization, signal) };
    return eventStream(request, (ends) => deps.apis.streaming.streamUserUpdates(caller, request, ends), signal);
  });
  app.notFound((context) =>
    failure(
      context,
      new ReliantError("not_found", `${context.req.method} ${context.req.path}: there is no such route`),
    ),
  );
  return app;
}

async function requestOf<In extends DescMessage>(schema: In, context: Context<Env>): Promise<MessageShape<In>> {
  const fields = { ...(await bodyOf(context)), ...context.req.query(), ...context.req.param() };
  if (Object.keys(fields).length === 0) return create(schema);
  try {
    return fromJson(schema, fields);
  } catch (error) {
    throw new ReliantError("invalid_argument", messageOf(error), { cause: error });
  }
}

async function bodyOf(context: Context<Env>): Promise<Record<string, JsonValue>> {
  if (context.req.method !== "POST") return {};
  const text = await context.req.text();
  if (text.trim() === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ReliantError("invalid_argument", `the body is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (isRecord(body)) return body;
  throw new ReliantError("invalid_argument", "the body must be a JSON object");
}

function isRecord(value: unknown): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function failure(context: Context<Env>, error: ReliantError): Response {
  const body = { error: { code: error.code, message: error.message } };
  return Response.json(body, { status: error.row.httpStatus, headers: context.res.headers });
}

function tooLarge(_context: Context): Response {
  const message = `the body is larger than ${LIMITS.requestBodyBytes} bytes`;
  return Response.json({ error: { code: "invalid_argument", message } }, { status: 413 });
}
