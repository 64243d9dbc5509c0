import { describe, expect, test } from "bun:test";
import { ReliantError } from "../../../src/core/errors.ts";
import { natsServers } from "../../../src/nats/nats-servers.ts";

describe("the address of NATS", () => {
  test.each([
    ["nats://localhost:4222", { servers: ["localhost:4222"] }],
    ["nats://nats.example", { servers: ["nats.example:4222"] }],
    ["nats://[::1]:4333", { servers: ["[::1]:4333"] }],
    ["nats://a:1, nats://b:2", { servers: ["a:1", "b:2"] }],
    ["nats://ada:p%40ss@a:1,nats://b:2", { servers: ["a:1", "b:2"], user: "ada", pass: "p@ss" }],
    ["nats://s3cret@a:1", { servers: ["a:1"], token: "s3cret" }],
    ["tls://a:1", { servers: ["a:1"], tls: {} }],
  ])("%s is understood", (url, expected) => {
    expect(natsServers(url)).toEqual(expected);
  });

  test.each(["", "a:1", "http://a:1", "nats://", "nats://a:1,,nats://b:2", "nats://ada:s3cret@"])(
    "%j is refused, with what to do and without its secret",
    (url) => {
      const refuse = () => natsServers(url);
      expect(refuse).toThrow(ReliantError);
      expect(refuse).toThrow("nats://host:4222");
      expect(refuse).not.toThrow("s3cret");
    },
  );
});
