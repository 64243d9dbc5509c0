/** Which web pages of other origins may call: `*` or full origins, as in `https://app.example.com`. Credentials never. */
export interface CorsPolicy {
  readonly origins: readonly string[];
}

/** Methods and headers of Connect, gRPC-Web and our REST routes: https://connectrpc.com/docs/cors. */
const METHODS = "GET, POST, DELETE";
const REQUEST_HEADERS =
  "Authorization, Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Connect-Accept-Encoding, Connect-Content-Encoding, Grpc-Timeout, X-Grpc-Web, X-User-Agent, Last-Event-ID, Traceparent";
const RESPONSE_HEADERS =
  "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Connect-Content-Encoding, X-Reliant-Error";
const PREFLIGHT_SECONDS = 7200;

export interface CorsAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** True where the request only asks whether it may come: answer 204 with the headers. */
  readonly preflight: boolean;
}

/** What to say to a request. No `origin`: it comes from no web page, and nothing is said. */
export function corsAnswer(
  policy: CorsPolicy,
  request: {
    readonly method: string;
    readonly origin: string | undefined;
    readonly requestedMethod: string | undefined;
  },
): CorsAnswer {
  const preflight =
    request.method === "OPTIONS" && request.origin !== undefined && request.requestedMethod !== undefined;
  if (request.origin === undefined) return { headers: {}, preflight: false };
  const everybody = policy.origins.includes("*");
  const vary: Record<string, string> = everybody ? {} : { vary: "Origin" };
  if (!everybody && !policy.origins.includes(request.origin)) return { headers: vary, preflight };
  const origin = { ...vary, "access-control-allow-origin": everybody ? "*" : request.origin };
  if (!preflight) return { headers: { ...origin, "access-control-expose-headers": RESPONSE_HEADERS }, preflight };
  return {
    headers: {
      ...origin,
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": String(PREFLIGHT_SECONDS),
    },
    preflight,
  };
}
