import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { RequestValidator } from "./request-validator.ts";

/** Refuses requests that do not fit the rules of their proto file, each message of a stream too. */
export function validationInterceptor(validator: RequestValidator): Interceptor {
  return (next) => async (request) => {
    if (request.stream) {
      return next({ ...request, message: checked(validator, request.method.input, request.message) });
    }
    await validator.check(request.method.input, request.message);
    return next(request);
  };
}

async function* checked<Desc extends DescMessage>(
  validator: RequestValidator,
  schema: Desc,
  messages: AsyncIterable<MessageShape<Desc>>,
): AsyncGenerator<MessageShape<Desc>> {
  for await (const message of messages) {
    await validator.check(schema, message);
    yield message;
  }
}
