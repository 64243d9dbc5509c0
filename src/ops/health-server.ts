import type { Counters } from "./counters.ts";
import type { ReadinessChecks } from "./readiness.ts";

export interface HealthServer {
  /** The port that it listens on, where 0 was asked for. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * `/health` (200 while the process answers), `/ready` (200, or 503 while a check fails, each check with its state) and
 * `/stats` (what the process counts).
 * Throws what `listen` throws: EADDRINUSE, EACCES.
 */
export function startHealthServer(
  checks: Pick<ReadinessChecks, "ask">,
  counters: Pick<Counters, "read">,
  address: { readonly port: number; readonly bindAddress: string },
): HealthServer {
  const server = Bun.serve({
    port: address.port,
    hostname: address.bindAddress,
    async fetch(request) {
      if (request.method !== "GET" && request.method !== "HEAD") return json({ error: "GET only" }, 405);
      switch (new URL(request.url).pathname) {
        case "/health":
          return json({ status: "ok" }, 200);
        case "/ready": {
          const answer = await checks.ask();
          return json(answer, answer.ready ? 200 : 503);
        }
        case "/stats":
          return json(counters.read(), 200);
        default:
          return json({ error: "there is /health, /ready and /stats" }, 404);
      }
    },
  });
  return { port: server.port ?? address.port, stop: () => server.stop(true) };
}

function json(body: unknown, status: number): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}
