import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ChatService } from "../gen/reliant/v1/chat_pb.ts";
import { DaemonAdminService } from "../gen/reliant/v1/daemon_admin_pb.ts";
import { ProjectService } from "../gen/reliant/v1/project_pb.ts";
import { TokenService } from "../gen/reliant/v1/token_pb.ts";
import { StreamingService } from "../gen/reliant/v1/update_pb.ts";

/** Every service of the API. */
export interface ApiClients {
  readonly chats: Client<typeof ChatService>;
  readonly projects: Client<typeof ProjectService>;
  readonly tokens: Client<typeof TokenService>;
  readonly daemons: Client<typeof DaemonAdminService>;
  readonly updates: Client<typeof StreamingService>;
}

/**
 * Clients of every service of the API at `url`, as the user of the bearer token. Makes no connection yet. `verifyTls` false
 * takes any certificate (`insecure_tls_skip_verify`).
 */
export function clients(url: string, bearer: string, verifyTls = true): ApiClients {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${bearer}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "1.1",
    interceptors: [authorize],
    nodeOptions: { rejectUnauthorized: verifyTls },
  });
  return {
    chats: createClient(ChatService, transport),
    projects: createClient(ProjectService, transport),
    tokens: createClient(TokenService, transport),
    daemons: createClient(DaemonAdminService, transport),
    updates: createClient(StreamingService, transport),
  };
}
