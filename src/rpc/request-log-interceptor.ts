import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { Clock } from "../core/clock.ts";
import { logger } from "../core/logger.ts";
import { identityKey } from "./identity-gate.ts";

/** One line a call: who, what, how it ended, how long it took. Never a body. The outermost interceptor but for the errors'. */
export function requestLogInterceptor(clock: Clock): Interceptor {
  const log = logger("rpc", "requests");
  return (next) => async (request) => {
    const startedMs = clock.stamp().monotonicMs;
    const done = (error?: unknown) =>
      log.debug("request", {
        method: `${request.service.typeName}/${request.method.name}`,
        userId: request.contextValues.get(identityKey)?.userId,
        code: error === undefined ? "ok" : codeOf(error),
        ms: clock.stamp().monotonicMs - startedMs,
      });
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watched(response.message, done) };
      done();
      return response;
    } catch (error) {
      done(error);
      throw error;
    }
  };
}

async function* watched<T>(messages: AsyncIterable<T>, done: (error?: unknown) => void): AsyncGenerator<T> {
  let failure: unknown;
  try {
    yield* messages;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    done(failure);
  }
}

function codeOf(error: unknown): string {
  return Code[ConnectError.from(error).code];
}
