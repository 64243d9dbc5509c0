import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request and its response as Node has them: HTTP/1.1, or HTTP/2 in the same form. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;
export type NodeHandler = (request: NodeRequest, response: NodeResponse) => void;

/** The first value of a header field. Names in lower case. */
export function headerOf(request: NodeRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function pathOf(request: NodeRequest): string {
  return request.url?.split("?", 1)[0] ?? "/";
}

/** Where the request was sent to, as a URL; `undefined` where its parts make none. */
export function urlOf(request: NodeRequest): URL | undefined {
  const encrypted = "encrypted" in request.socket && request.socket.encrypted === true;
  const authority = headerOf(request, ":authority") ?? headerOf(request, "host") ?? "localhost";
  return URL.parse(request.url ?? "/", `${encrypted ? "https" : "http"}://${authority}`) ?? undefined;
}

export function answerText(
  response: NodeResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return;
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (text !== "") response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
