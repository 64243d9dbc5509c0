import { Session } from "node:inspector/promises";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { StoreStats } from "../store/store.ts";

const PROFILE_MAX_S = LIMITS.profileMaxMs / 1000;
const PROFILE_DEFAULT_S = LIMITS.profileDefaultMs / 1000;

export interface DebugServer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * For operators, on 127.0.0.1 only, whatever the bind address: `/debug/db` (write queue, pool), `/debug/pprof/profile`
 * (`?seconds=N`, a .cpuprofile of DevTools) and `/debug/pprof/heap` (a .heapsnapshot).
 */
export function startDebugServer(port: number, stats: () => StoreStats | undefined): DebugServer {
  let profiling = false;
  const profile = async (url: URL): Promise<Response> => {
    const seconds = Number(url.searchParams.get("seconds") ?? PROFILE_DEFAULT_S);
    if (!(seconds > 0 && seconds <= PROFILE_MAX_S)) return text(`seconds: more than 0, at most ${PROFILE_MAX_S}`, 400);
    if (profiling) return text("a profile is being taken: try again later", 409);
    profiling = true;
    try {
      return download(JSON.stringify(await cpuProfile(seconds)), "cpu.cpuprofile");
    } finally {
      profiling = false;
    }
  };
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    // A profile takes longer than the default.
    idleTimeout: 255,
    async fetch(request) {
      const url = new URL(request.url);
      // A page in the operator's browser must not reach it by a name that it made up (DNS rebinding).
      if (!isLoopbackName(url.hostname)) return text("call it by 127.0.0.1 or localhost", 403);
      try {
        switch (url.pathname) {
          case "/debug/db": {
            const now = stats();
            return now === undefined ? text("the database is not connected yet", 503) : Response.json(now);
          }
          case "/debug/pprof/profile":
            return await profile(url);
          case "/debug/pprof/heap":
            return download(Bun.generateHeapSnapshot("v8"), "heap.heapsnapshot");
          default:
            return text("there is /debug/db, /debug/pprof/profile?seconds=N and /debug/pprof/heap", 404);
        }
      } catch (error) {
        return text(messageOf(error), 500);
      }
    },
  });
  return { port: server.port ?? port, stop: () => server.stop(true) };
}

async function cpuProfile(seconds: number): Promise<unknown> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await Bun.sleep(seconds * 1000);
    const { profile } = await session.post("Profiler.stop");
    return profile;
  } finally {
    session.disconnect();
  }
}

function isLoopbackName(hostname: string): boolean {
  return hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]";
}

function text(message: string, status: number): Response {
  return new Response(`${message}\n`, { status });
}

function download(body: string | ArrayBuffer, name: string): Response {
  return new Response(body, {
    headers: { "content-type": "application/json", "content-disposition": `attachment; filename="${name}"` },
  });
}
