import { describe, expect, test } from "bun:test";
import { resolve } from "../../../src/config/resolve.ts";
import type { Role } from "../../../src/config/row.ts";
import { isLoopback } from "../../../src/config/rules.ts";
import { hostWith, SERVER_ENV } from "./setting-texts.ts";

function faultsOf(role: Role, ...argv: string[]): readonly string[] {
  return resolve(role, argv, hostWith(role === "monolith" || role === "daemon" || role === "run" ? {} : SERVER_ENV))
    .faults;
}

function warningsOf(role: Role, ...argv: string[]): readonly string[] {
  return resolve(role, argv, hostWith(SERVER_ENV)).warnings;
}

describe("settings that contradict each other", () => {
  test.each<[string, Role, string[], string]>([
    [
      "a certificate without its key",
      "api",
      ["--tls-cert=c"],
      "--tls-cert / TLS_CERT_FILE is given without --tls-key / TLS_KEY_FILE: give both or neither",
    ],
    [
      "a key without its certificate",
      "gateway",
      ["--tls-key=k"],
      "--tls-key / TLS_KEY_FILE is given without --tls-cert / TLS_CERT_FILE: give both or neither",
    ],
    [
      "a certificate and no TLS",
      "api",
      ["--tls-cert=c", "--tls-key=k", "--disable-tls"],
      "--disable-tls / DISABLE_TLS and --tls-cert / TLS_CERT_FILE contradict each other: leave one of them out",
    ],
    [
      "two keys for users' tokens",
      "gateway",
      ["--jwt-public-key=x", "--jwt-public-key-file=y"],
      "--jwt-public-key / JWT_PUBLIC_KEY and --jwt-public-key-file / JWT_PUBLIC_KEY_FILE contradict each other: give one of them",
    ],
    [
      "half of Temporal's mutual TLS",
      "worker",
      ["--temporal-tls-cert=c"],
      "--temporal-tls-cert / TEMPORAL_TLS_CERT_FILE is given without --temporal-tls-key / TEMPORAL_TLS_KEY_FILE: give both or neither",
    ],
    [
      "a Temporal API key without TLS",
      "worker",
      ["--temporal-api-key=k", "--no-temporal-tls"],
      "--temporal-tls / TEMPORAL_TLS is false, but --temporal-api-key / TEMPORAL_API_KEY needs it: leave one of them out",
    ],
    [
      "Temporal by TLS at an address that has no name",
      "worker",
      ["--temporal-host=10.0.0.5", "--temporal-tls-ca=a"],
      "--temporal-host / TEMPORAL_HOST is the IP address 10.0.0.5: with TLS, --temporal-tls-server-name / TEMPORAL_TLS_SERVER_NAME must say which name its certificate has",
    ],
    [
      "two ports of one process that are the same",
      "api",
      ["--grpc-port=8080"],
      "--api-port / API_PORT and --grpc-port / GRPC_PORT are both 8080: give one of them another port",
    ],
    [
      "the default script where there is none",
      "monolith",
      ["--model=scripted/default"],
      "--model / RELIANT_MODEL is scripted/default, which needs --scripted-model / RELIANT_SCRIPTED_MODEL",
    ],
    [
      "a model without its provider's key",
      "worker",
      ["--model=anthropic/claude"],
      "--model / RELIANT_MODEL is anthropic/claude, which needs --anthropic-api-key / ANTHROPIC_API_KEY",
    ],
    [
      "a compatible model without an address",
      "monolith",
      ["--model=compatible/llama", "--compatible-api-key=k"],
      "--model / RELIANT_MODEL is compatible/llama, which needs --compatible-base-url / COMPATIBLE_BASE_URL",
    ],
    [
      "TLS to an http address",
      "daemon",
      ["--gateway=http://gw:9190", "--tls-mode=tls"],
      "--tls-mode / RELIANT_TLS_MODE tls does not fit --gateway / RELIANT_GATEWAY_URL http://gw:9190: use https:// or leave the mode out",
    ],
    [
      "plaintext to an https address",
      "run",
      ["--server=https://api:9090", "--tls-mode=h2c"],
      "--tls-mode / RELIANT_TLS_MODE h2c does not fit --server / RELIANT_SERVER https://api:9090: use http:// or leave the mode out",
    ],
  ])("%s is a fault", (_, role, argv, fault) => {
    expect(faultsOf(role, ...argv)).toEqual([fault]);
  });

  test.each<[string, Role, string[]]>([
    ["certificate and key", "api", ["--tls-cert=c", "--tls-key=k"]],
    ["several ports that any free one may take", "api", ["--api-port=0", "--grpc-port=0", "--health-port=0"]],
    [
      "Temporal's mutual TLS with a CA",
      "worker",
      ["--temporal-tls-cert=c", "--temporal-tls-key=k", "--temporal-tls-ca=a"],
    ],
    ["Temporal by TLS at a named address", "worker", ["--temporal-host=::1", "--temporal-tls-server-name=n"]],
    ["Temporal at an address, without TLS", "worker", ["--temporal-host=10.0.0.5"]],
    ["a model behind a proxy that has the key", "worker", ["--model=openai/gpt", "--openai-base-url=http://proxy/v1"]],
    ["a model for one run, whose key the server has", "run", ["--model=anthropic/claude"]],
    ["a self-signed server", "run", ["--server=https://api:9090", "--tls-mode=insecure_tls_skip_verify"]],
    ["SQLite without a connection string", "worker", ["--db-driver=sqlite"]],
  ])("%s: no fault", (_, role, argv) => {
    expect(faultsOf(role, ...argv)).toEqual([]);
  });
});

describe("settings that are forced", () => {
  test.each(["api", "worker"] as const)(
    "server %s streams through NATS, whatever is asked, with one warning",
    (role) => {
      const { values, sources, warnings } = resolve(role, ["--streaming-driver=memory"], hostWith(SERVER_ENV));
      expect(values.get("streamingDriver")).toBe("nats");
      expect(sources.get("streamingDriver")?.kind).toBe("forced");
      expect(warnings.filter((warning) => warning.includes("--streaming-driver"))).toHaveLength(1);
    },
  );

  test.each(["--temporal-api-key=k", "--temporal-tls-ca=a", "--temporal-tls-server-name=n"])(
    "%s implies TLS",
    (argument) => {
      const { values, sources } = resolve("worker", [argument], hostWith(SERVER_ENV));
      expect(values.get("temporalTls")).toBe(true);
      expect(sources.get("temporalTls")).toEqual({ kind: "forced", name: `implied by ${argument.split("=")[0]}` });
    },
  );

  test.each([
    ["a script alone is the model", ["--scripted-model=a/b.yaml"], "a/b.yaml", "scripted/default"],
    ["a model that names a script brings it along", ["--model=scripted/a/b.yaml"], "a/b.yaml", "scripted/a/b.yaml"],
    [
      "a script beside another model changes neither",
      ["--scripted-model=s.yaml", "--model=scripted/t.yaml"],
      "s.yaml",
      "scripted/t.yaml",
    ],
  ])("%s", (_, argv, script, model) => {
    const { values, faults } = resolve("monolith", argv, hostWith());
    expect({ script: values.get("scriptedModel"), model: values.get("model"), faults }).toEqual({
      script,
      model,
      faults: [],
    });
  });

  test("the API names a default model, but needs no key for it", () => {
    expect(faultsOf("api", "--model=anthropic/claude")).toEqual([]);
  });
});

describe("what is odd is warned of", () => {
  test("SQLite under a server, and a connection string that it does not use", () => {
    expect(warningsOf("worker", "--db-driver=sqlite")).toEqual([
      "--db-driver / DATABASE_DRIVER is sqlite: this server and all others must run on this machine and share --data-dir / DATA_DIR",
      "--db-url / DATABASE_URL is not used when --db-driver / DATABASE_DRIVER is sqlite",
    ]);
  });

  test("every origin beyond loopback, but not on it or where origins are named", () => {
    expect(warningsOf("api")).toEqual([expect.stringContaining("--cors-origins / CORS_ALLOWED_ORIGINS is *")]);
    expect(warningsOf("api", "--bind-address=127.0.0.1")).toEqual([]);
    expect(warningsOf("api", "--cors-origins=https://a.example")).toEqual([]);
  });

  test("a monolith that other machines reach", () => {
    expect(warningsOf("monolith", "--bind-address=0.0.0.0", "--cors-origins=")).toEqual([
      expect.stringContaining("without TLS"),
    ]);
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
])("%s is loopback: %p", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

describe("the model of a monolith that is told none", () => {
  const modelOf = (env: Record<string, string>, ...argv: string[]) =>
    resolve("monolith", argv, hostWith(env)).values.get("model");

  test.each([
    ["ANTHROPIC_API_KEY", "anthropic/"],
    ["OPENAI_API_KEY", "openai/"],
    ["GOOGLE_GENERATIVE_AI_API_KEY", "google/"],
  ])("is the usual one of the provider whose key is set: %s", (variable, provider) => {
    expect(modelOf({ [variable]: "key" })).toStartWith(provider);
  });

  test("is none without a key, and the named one with both", () => {
    expect(modelOf({})).toBeUndefined();
    expect(modelOf({ ANTHROPIC_API_KEY: "key" }, "--model=anthropic/other")).toBe("anthropic/other");
    expect(modelOf({ ANTHROPIC_API_KEY: "key" }, "--scripted-model=a.yaml")).toBe("scripted/default");
  });
});
