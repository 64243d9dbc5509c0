import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Secret } from "../config/secret.ts";
import { type ErrorCode, messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { type ConnectRequest, type ConnectResponse, ToolsDaemonService } from "../gen/reliant/v1/daemon_pb.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import type { TlsMode } from "./tls-mode.ts";

export interface ConnectTransportOptions {
  /** `https://host:port`, or `http://` for plaintext HTTP/2. */
  readonly url: string;
  readonly tlsMode: TlsMode;
  readonly token: Secret;
  /** Milliseconds between HTTP/2 pings; default `LIMITS.http2PingMs`. */
  readonly pingIntervalMs?: number;
}

/** gRPC over HTTP/2, one TCP connection a call of `connect`, so that a balancer may choose another gateway each time. */
export class ConnectTransport implements GatewayTransport {
  constructor(private readonly options: ConnectTransportOptions) {}

  async *connect(
    frames: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
    reached: () => void = () => undefined,
  ): AsyncGenerator<ConnectResponse> {
    const { url, token } = this.options;
    const session = watched(this.session(), reached);
    const leave = () => session.abort();
    try {
      const transport = createGrpcTransport({
        baseUrl: url,
        sessionManager: session,
        readMaxBytes: LIMITS.frameBytes,
        writeMaxBytes: LIMITS.frameBytes,
        acceptCompression: [],
      });
      const client = createClient(ToolsDaemonService, transport);
      signal.addEventListener("abort", leave, { once: true });
      yield* client.connect(frames, { signal, headers: { authorization: `Bearer ${token.reveal()}` } });
    } catch (error) {
      throw translated(error, `connect to gateway ${url}`);
    } finally {
      signal.removeEventListener("abort", leave);
      session.abort();
    }
  }

  private session(): Http2SessionManager {
    const { url, tlsMode, pingIntervalMs } = this.options;
    const pings = { pingIntervalMs: pingIntervalMs ?? LIMITS.http2PingMs, pingTimeoutMs: LIMITS.deadBusyMs };
    return new Http2SessionManager(url, pings, { rejectUnauthorized: tlsMode !== "insecure_tls_skip_verify" });
  }
}

type SessionManager = NonNullable<Parameters<typeof createGrpcTransport>[0]["sessionManager"]>;

/** The session, which says when its peer has answered a ping: a connection that a proxy took, or the system, is no sign of life. */
function watched(session: Http2SessionManager, reached: () => void): SessionManager & { abort(): void } {
  return {
    authority: session.authority,
    request: async (...request) => {
      const stream = await session.request(...request);
      stream.session?.ping((error) => {
        if (error === null) reached();
      });
      return stream;
    },
    notifyResponseByteRead: (stream) => session.notifyResponseByteRead(stream),
    abort: () => session.abort(),
  };
}

const CODES: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "permission_denied",
  [Code.Unimplemented]: "failed_precondition",
  [Code.Canceled]: "cancelled",
  [Code.ResourceExhausted]: "resource_exhausted",
};

function translated(error: unknown, act: string): ReliantError {
  if (error instanceof ReliantError) return error;
  const { code, rawMessage } = ConnectError.from(error);
  const detail = code === Code.Unimplemented ? "no gateway answers there" : explained(`${rawMessage}${causeOf(error)}`);
  return new ReliantError(CODES[code] ?? "unavailable", `${act}: ${detail}`, { cause: error });
}

/** OpenSSL's words for a certificate that nobody vouches for, with what helps. */
function explained(text: string): string {
  if (!/self[- ]signed certificate|unable to (verify|get local issuer)/i.test(text)) return text;
  return `${text}: trust it by NODE_EXTRA_CA_CERTS=FILE, or do without a check by --tls-mode insecure_tls_skip_verify`;
}

/** What the socket said, where the vendor's message does not repeat it. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : "";
  return cause === "" || messageOf(error).includes(cause) ? "" : ` (${cause})`;
}
