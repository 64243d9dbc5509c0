import type { ConnectRouter } from "@connectrpc/connect";
import type { IdentityVerifier } from "../auth/identity.ts";
import { ChatService } from "../gen/reliant/v1/chat_pb.ts";
import { DaemonAdminService } from "../gen/reliant/v1/daemon_admin_pb.ts";
import { ProjectService } from "../gen/reliant/v1/project_pb.ts";
import { TokenService } from "../gen/reliant/v1/token_pb.ts";
import { StreamingService } from "../gen/reliant/v1/update_pb.ts";
import { callerOf } from "../rpc/identity-gate.ts";
import type { Apis } from "./apis.ts";
import { KeepAliveFrames } from "./keep-alive-frames.ts";
import { mayGoOn } from "./stream-caller.ts";

/** The services for Connect, gRPC and gRPC-Web. Who calls was checked before: each handler only hands on. */
export function apiConnectRoutes(apis: Apis, verifier: IdentityVerifier): (router: ConnectRouter) => void {
  const { chats, projects, tokens, daemons, streaming } = apis;
  const keepAlive = new KeepAliveFrames();
  return (router) => {
    router.service(ChatService, {
      createChat: (request, context) => chats.createChat(callerOf(context), request),
      getChat: (request, context) => chats.getChat(callerOf(context), request),
      listChats: (request, context) => chats.listChats(callerOf(context), request),
      sendMessage: (request, context) => chats.sendMessage(callerOf(context), request),
      listMessages: (request, context) => chats.listMessages(callerOf(context), request),
      cancelRun: (request, context) => chats.cancelRun(callerOf(context), request),
    });
    router.service(ProjectService, {
      createProject: (request, context) => projects.createProject(callerOf(context), request),
      getProject: (request, context) => projects.getProject(callerOf(context), request),
      listProjects: (request, context) => projects.listProjects(callerOf(context), request),
    });
    router.service(TokenService, {
      createToken: (request, context) => tokens.createToken(callerOf(context), request),
      listTokens: (request, context) => tokens.listTokens(callerOf(context), request),
      revokeToken: (request, context) => tokens.revokeToken(callerOf(context), request),
    });
    router.service(DaemonAdminService, {
      listDaemons: (request, context) => daemons.listDaemons(callerOf(context), request),
      loadDaemonConfig: (request, context) => daemons.loadDaemonConfig(callerOf(context), request, context.signal),
    });
    router.service(StreamingService, {
      streamUserUpdates: (request, context) =>
        streaming.streamUserUpdates(
          {
            identity: callerOf(context),
            mayGoOn: mayGoOn(verifier, context.requestHeader.get("authorization"), context.signal),
            beat: keepAlive.beatOf(context),
          },
          request,
          context.signal,
        ),
    });
  };
}
