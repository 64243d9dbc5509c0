import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Identity, IdentityVerifier } from "../auth/identity.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { shownError, toConnectError } from "./connect-errors.ts";

/** Who calls, in the context of a handler. Undefined for services that are open to everybody. */
export const identityKey = createContextKey<Identity | undefined>(undefined, { description: "identity" });

/** What a service asks of its caller: anybody, or somebody whose token has that scope. */
export type Access = "open" | Identity["scope"];

/** Throws `unauthenticated` without a token that is good, `permission_denied` with one of another scope. */
export async function authenticate(
  verifier: IdentityVerifier,
  authorization: string | null,
  scope: Identity["scope"],
  signal: AbortSignal,
): Promise<Identity> {
  const token = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) {
    throw new ReliantError("unauthenticated", "no token: send the header `authorization: Bearer …`");
  }
  if (Buffer.byteLength(token) > LIMITS.bearerTokenBytes) {
    throw new ReliantError("unauthenticated", `the token is longer than ${LIMITS.bearerTokenBytes} bytes`);
  }
  const identity = await verifier.verify(token, signal);
  if (identity.scope === scope) return identity;
  throw new ReliantError(
    "permission_denied",
    identity.scope === "daemon"
      ? "this token only connects a daemon: the API needs a user's token, or one that was made with the scope `api`"
      : "this token is for the API: connecting a daemon needs one of its own: run `reliant daemon register`, or make one with the scope `daemon`",
  );
}

/** Checks the caller as soon as the header is there, before the body is read. */
export function identityGate(
  verifier: IdentityVerifier,
  access: (service: string) => Access,
): (context: HandlerContext) => Promise<void> {
  const log = logger("rpc");
  return async (context) => {
    const needed = access(context.service.typeName);
    if (needed === "open") return;
    try {
      const identity = await authenticate(verifier, context.requestHeader.get("authorization"), needed, context.signal);
      context.values.set(identityKey, identity);
    } catch (error) {
      throw toConnectError(shownError(error, context.method.name, log));
    }
  };
}

/** The caller of a service that is not open. */
export function callerOf(context: Pick<HandlerContext, "values">): Identity {
  const identity = context.values.get(identityKey);
  if (identity === undefined) throw new ReliantError("internal", "a service that is not open was called by nobody");
  return identity;
}
