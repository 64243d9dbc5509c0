import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { messageOf } from "../core/errors.ts";
import { logger } from "../core/logger.ts";
import { headerOf, type NodeHandler, pathOf } from "./node-request.ts";
import { writeAside, writeAsideKey } from "./write-aside.ts";

export interface ConnectRoutes {
  find(path: string): UniversalHandler | undefined;
  serve(handler: UniversalHandler): NodeHandler;
}

/** The handlers of all services, by path, each for Connect, gRPC and gRPC-Web. */
export function connectRoutes(register: (router: ConnectRouter) => void, options: ConnectRouterOptions): ConnectRoutes {
  const router = createConnectRouter({ acceptCompression: [compressionGzip, compressionBrotli], ...options });
  register(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const log = logger("rpc");
  return {
    find: (path) => handlers.get(path),
    serve: (handler) => (request, response) => {
      if (headerOf(request, "host") === undefined && headerOf(request, ":authority") === undefined) {
        request.headers.host = "localhost";
      }
      const values = createContextValues().set(writeAsideKey, writeAside(response));
      handler(universalRequestFromNodeRequest(request, response, undefined, values))
        .then((answer) => universalResponseToNodeResponse(answer, response))
        // The client is gone, or the answer could not be written: nobody is left to be told.
        .catch((error: unknown) =>
          log.debug("a response broke off", { path: pathOf(request), reason: messageOf(error) }),
        );
    },
  };
}
