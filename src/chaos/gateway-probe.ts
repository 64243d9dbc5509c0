import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { ToolsDaemonService } from "../gen/reliant/v1/daemon_pb.ts";

/**
 * Asks the address once whether daemons are served there. Throws `unavailable` where nobody answers and
 * `failed_precondition` where somebody else does. Whoever speaks HTTP/2 alone is taken to be a gateway.
 */
export async function checkGateway(url: string, verifyTls: boolean, signal: AbortSignal): Promise<void> {
  const act = `reach the gateway ${url}`;
  const hint = "--gateway is the port on which a gateway serves daemons (--daemon-port); a monolith has no gateway";
  let status: number;
  try {
    const answer = await fetch(`${url.replace(/\/$/, "")}/${ToolsDaemonService.typeName}/Connect`, {
      ...{ method: "POST", body: "", headers: { "content-type": "application/connect+proto" } },
      ...{ tls: { rejectUnauthorized: verifyTls }, redirect: "manual" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMITS.chaosRequestMs)]),
    });
    status = answer.status;
    await answer.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && "code" in error && error.code === "Malformed_HTTP_Response") return;
    throw new ReliantError("unavailable", `${act}: ${messageOf(error)}`, { cause: error, hint });
  }
  if (status === 404) throw new ReliantError("failed_precondition", `${act}: no gateway answers there`, { hint });
}
