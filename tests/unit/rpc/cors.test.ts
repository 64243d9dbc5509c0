import { expect, test } from "bun:test";
import { corsAnswer } from "../../../src/rpc/cors.ts";

const from = (origin: string | undefined, method = "POST", requestedMethod?: string) => ({
  method,
  origin,
  requestedMethod,
});

test("a page of any origin may call where `*` says so", () => {
  const { headers } = corsAnswer({ origins: ["*"] }, from("https://a.example"));
  expect(headers["access-control-allow-origin"]).toBe("*");
  expect(headers["access-control-expose-headers"]).toContain("Grpc-Status");
});

test("only the origins that are named may call, and caches are told that it depends", () => {
  const policy = { origins: ["https://a.example"] };
  expect(corsAnswer(policy, from("https://a.example")).headers).toMatchObject({
    "access-control-allow-origin": "https://a.example",
    vary: "Origin",
  });
  for (const other of ["https://b.example", "http://a.example", "https://a.example.evil", "null"]) {
    expect(corsAnswer(policy, from(other)).headers).toEqual({ vary: "Origin" });
  }
});

test("a preflight is answered with methods and headers, one of a stranger with nothing", () => {
  const asked = from("https://a.example", "OPTIONS", "POST");
  const known = corsAnswer({ origins: ["https://a.example"] }, asked);
  expect(known.preflight).toBe(true);
  expect(known.headers["access-control-allow-headers"]).toContain("Authorization");
  expect(corsAnswer({ origins: [] }, asked)).toEqual({ headers: { vary: "Origin" }, preflight: true });
});

test("credentials are never allowed", () => {
  for (const origins of [["*"], ["https://a.example"]]) {
    for (const asked of [from("https://a.example"), from("https://a.example", "OPTIONS", "POST")]) {
      expect(Object.keys(corsAnswer({ origins }, asked).headers)).not.toContain("access-control-allow-credentials");
    }
  }
});

test("what comes from no page is told nothing, an OPTIONS without a question too", () => {
  expect(corsAnswer({ origins: ["*"] }, from(undefined))).toEqual({ headers: {}, preflight: false });
  expect(corsAnswer({ origins: ["*"] }, from("https://a.example", "OPTIONS")).preflight).toBe(false);
});
