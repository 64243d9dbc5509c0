import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { logger } from "../core/logger.ts";
import { shownError, toConnectError } from "./connect-errors.ts";

/** Tells our errors as Connect's, by the one table; hides internal ones. What is a ConnectError already stays. */
export function errorInterceptor(): Interceptor {
  const log = logger("rpc");
  const told = (error: unknown, act: string) =>
    error instanceof ConnectError ? error : toConnectError(shownError(error, act, log));
  return (next) => async (request) => {
    const act = request.method.name;
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: translated(response.message, (error) => told(error, act)) };
    } catch (error) {
      throw told(error, act);
    }
  };
}

async function* translated<T>(messages: AsyncIterable<T>, told: (error: unknown) => ConnectError): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw told(error);
  }
}
