import type { ChatApi } from "./chat-service.ts";
import type { DaemonAdminApi } from "./daemon-admin-service.ts";
import type { ProjectApi } from "./project-service.ts";
import type { StreamingApi } from "./streaming-service.ts";
import type { TokenApi } from "./token-service.ts";

/** The functions that RPC services and REST routes both call. */
export interface Apis {
  readonly chats: ChatApi;
  readonly projects: ProjectApi;
  readonly tokens: TokenApi;
  readonly daemons: DaemonAdminApi;
  readonly streaming: StreamingApi;
}
