import type { Client, Interceptor } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { type ErrorCode, messageOf, ReliantError } from "../core/errors.ts";
import { ChatService } from "../gen/reliant/v1/chat_pb.ts";
import { ProjectService } from "../gen/reliant/v1/project_pb.ts";
import { StreamingService } from "../gen/reliant/v1/update_pb.ts";

/** The services of the API that the command line calls. */
export interface ApiClient {
  readonly chats: Client<typeof ChatService>;
  readonly projects: Client<typeof ProjectService>;
  readonly updates: Client<typeof StreamingService>;
  /** Where it calls, for messages. */
  readonly url: string;
}

/** Makes no connection yet. `verifyTls` false takes any certificate (`insecure_tls_skip_verify`). */
export function createApiClient(options: {
  readonly url: string;
  readonly token: string;
  readonly verifyTls: boolean;
}): ApiClient {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${options.token}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl: options.url,
    httpVersion: "1.1",
    interceptors: [authorize],
    nodeOptions: { rejectUnauthorized: options.verifyTls },
  });
  return {
    chats: createClient(ChatService, transport),
    projects: createClient(ProjectService, transport),
    updates: createClient(StreamingService, transport),
    url: options.url,
  };
}

/** The server's answer as one of our errors, with what to do next. */
export function fromServer(error: unknown, act: string, url: string): ReliantError {
  if (error instanceof ReliantError) return error;
  if (!(error instanceof ConnectError)) {
    return new ReliantError("internal", `${act}: ${messageOf(error)}`, { cause: error });
  }
  const code = CODES[error.code] ?? "internal";
  const hint = HINTS[code]?.(url);
  const message = error.rawMessage.startsWith(`${act}: `) ? error.rawMessage : `${act}: ${error.rawMessage}`;
  return new ReliantError(code, message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

const CODES: { readonly [C in Code]?: ErrorCode } = {
  [Code.Canceled]: "cancelled",
  [Code.InvalidArgument]: "invalid_argument",
  [Code.DeadlineExceeded]: "deadline_exceeded",
  [Code.NotFound]: "not_found",
  [Code.AlreadyExists]: "already_exists",
  [Code.PermissionDenied]: "permission_denied",
  [Code.ResourceExhausted]: "resource_exhausted",
  [Code.FailedPrecondition]: "failed_precondition",
  [Code.Aborted]: "conflict",
  [Code.Unavailable]: "unavailable",
  [Code.Unauthenticated]: "unauthenticated",
};

const HINTS: { readonly [C in ErrorCode]?: (url: string) => string } = {
  unavailable: (url) => `is a server running at ${url}? \`reliant monolith\` starts one on this machine`,
  unauthenticated: () => "pass a token that is in force with --token or RELIANT_TOKEN",
};
