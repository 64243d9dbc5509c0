import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { configEntries, renderConfig } from "../../../src/config/render-config.ts";
import { type Resolution, resolve, resolveSettings } from "../../../src/config/resolve.ts";
import { namesOf, ROLES, type Role } from "../../../src/config/row.ts";
import { rowsOf } from "../../../src/config/settings-of.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import {
  CANARY,
  hostWith,
  invalidText,
  POSTGRES,
  SERVER_ENV,
  scopedRows,
  secretRows,
  validText,
} from "./setting-texts.ts";

const withTwoTexts = fc
  .constantFrom(...scopedRows())
  .chain((scoped) =>
    fc.record({ scoped: fc.constant(scoped), one: validText(scoped.row.kind), other: validText(scoped.row.kind) }),
  );

function outcomeOf(role: Role, argv: readonly string[]): string {
  try {
    resolveSettings(role, argv, hostWith(SERVER_ENV));
    return "settings";
  } catch (error) {
    return error instanceof ReliantError ? error.code : String(error);
  }
}

describe("which value is in force", () => {
  test("a flag hides its variable, for every setting of every role", () => {
    fc.assert(
      fc.property(withTwoTexts, ({ scoped: { scope, row }, one, other }) => {
        const flag = [`${row.flag}=${one}`];
        const alone = resolve(scope, flag, hostWith());
        const beside = resolve(scope, flag, hostWith(row.env === undefined ? {} : { [row.env]: other }));
        expect(beside).toEqual(alone);
      }),
    );
  });

  test("a variable gives what its flag gives, but for the source", () => {
    const withVariable = scopedRows().filter(({ row }) => row.env !== undefined);
    fc.assert(
      fc.property(
        fc
          .constantFrom(...withVariable)
          .chain((scoped) => fc.record({ scoped: fc.constant(scoped), text: validText(scoped.row.kind) })),
        ({ scoped: { scope, row, key }, text }) => {
          const byFlag = resolve(scope, [`${row.flag}=${text}`], hostWith());
          const byVariable = resolve(scope, [], hostWith({ [row.env ?? ""]: text }));
          expect(byVariable.values).toEqual(byFlag.values);
          expect(byVariable.sources.get(key)?.kind).not.toBe("default");
        },
      ),
    );
  });

  test("an empty or blank variable counts as unset", () => {
    fc.assert(
      fc.property(fc.constantFrom(...scopedRows()), fc.constantFrom("", " ", "\t\n"), ({ scope, row }, blank) => {
        expect(resolve(scope, [], hostWith(row.env === undefined ? {} : { [row.env]: blank }))).toEqual(
          resolve(scope, [], hostWith()),
        );
      }),
    );
  });

  test("--flag value and --flag=value mean the same", () => {
    fc.assert(
      fc.property(withTwoTexts, ({ scoped: { scope, row }, one }) => {
        fc.pre(row.kind.name !== "boolean");
        expect(resolve(scope, [row.flag, one], hostWith())).toEqual(resolve(scope, [`${row.flag}=${one}`], hostWith()));
      }),
    );
  });

  test("of a flag given twice the last counts, but a list collects", () => {
    expect(resolveSettings("worker", ["--health-port=1", "--health-port", "2"], hostWith(SERVER_ENV)).healthPort).toBe(
      2,
    );
    expect(resolveSettings("daemon", ["--root", "/a", "--root=/b,/c"], hostWith()).roots).toEqual(["/a", "/b", "/c"]);
  });

  test.each([
    [["--disable-tls"], true],
    [["--disable-tls=true"], true],
    [["--disable-tls=yes"], true],
    [["--disable-tls=false"], false],
    [["--no-disable-tls"], false],
    [[], true],
  ])("the flags %p make the boolean %p where the variable says true", (argv, expected) => {
    expect(resolveSettings("gateway", argv, hostWith({ ...SERVER_ENV, DISABLE_TLS: "true" })).disableTls).toBe(
      expected,
    );
  });

  test.each([
    ["true", true],
    ["1", true],
    ["yes", true],
    ["False", false],
    ["0", false],
    ["no", false],
  ])("DISABLE_TLS=%s is %p", (text, expected) => {
    expect(resolveSettings("api", [], hostWith({ ...SERVER_ENV, DISABLE_TLS: text })).disableTls).toBe(expected);
  });

  test("defaults that depend on the platform follow it", () => {
    expect(resolveSettings("monolith", [], hostWith()).dataDir).toBe("/home/ada/.local/share/reliant/monolith");
    expect(resolveSettings("run", [], hostWith()).dataDir).toBe(resolveSettings("monolith", [], hostWith()).dataDir);
    expect(resolveSettings("daemon", [], hostWith()).dataDir).toBe("/home/ada/.local/share/reliant/daemon");
  });

  test("the monolith needs no setting at all, and listens on loopback", () => {
    const settings = resolveSettings("monolith", [], hostWith());
    expect(settings).toMatchObject({ bindAddress: "127.0.0.1", engine: "embedded", apiPort: 8080, grpcPort: 9090 });
    expect(resolve("monolith", [], hostWith()).warnings).toEqual([]);
  });
});

describe("what cannot be used", () => {
  test("every setting with a bad text is told at once, with flag and variable", () => {
    for (const role of ROLES) {
      const bad = rowsOf(role).flatMap(({ row }) => {
        const text = invalidText(row.kind);
        return text === undefined ? [] : [{ row, argument: `${row.flag}=${text}` }];
      });
      const { faults } = resolve(
        role,
        bad.map(({ argument }) => argument),
        hostWith(),
      );
      for (const { row } of bad) {
        expect(faults.filter((fault) => fault.startsWith(`${namesOf(row)}:`))).toEqual([
          expect.stringContaining("cannot be used: "),
        ]);
      }
    }
  });

  test("whatever the arguments are, the answer is settings or faults, never a crash", () => {
    const argument = fc.oneof(
      fc.string(),
      fc.constantFrom("--", "-", "--no-disable-tls=x", "--api-port", "--nats-url=", "-x", "--=", "---"),
    );
    fc.assert(
      fc.property(fc.constantFrom<Role>(...ROLES), fc.array(argument), (role, argv) => {
        const { faults } = resolve(role, argv, hostWith(SERVER_ENV));
        expect(outcomeOf(role, argv)).toBe(faults.length === 0 ? "settings" : "usage");
      }),
    );
  });

  test.each([
    ["--natsurl=x", "unknown flag --natsurl: did you mean --nats-url?"],
    ["--dta-dir=x", "unknown flag --dta-dir: did you mean --data-dir?"],
    ["--frobnicate", "unknown flag --frobnicate"],
    ["--daemon-port=1", "unknown flag --daemon-port here: it belongs to gateway"],
    ["--no-disable-tls=true", "--no-disable-tls takes no value: write --disable-tls=true or --no-disable-tls"],
    ["--api-port", "--api-port needs a value: --api-port=…"],
    ["--api-port=", "--api-port needs a value: --api-port=…"],
    ["stray", 'unexpected argument "stray": values belong to a flag, as in --flag=value'],
    [
      "--api-port=http",
      '--api-port / API_PORT: the flag\'s value "http" cannot be used: give a port from 0 (any free one) to 65535',
    ],
    [
      "--db-driver=postgre",
      '--db-driver / DATABASE_DRIVER: the flag\'s value "postgre" cannot be used: give one of sqlite, postgres; did you mean postgres?',
    ],
    [
      "--jwt-jwks-url=https://ada:pw@keys.example",
      '--jwt-jwks-url / JWT_JWKS_URL: the flag\'s value "https://ada:***@keys.example/" cannot be used: leave user and password out of the address',
    ],
  ])("server api %s: %s", (argument, fault) => {
    expect(resolve("api", [argument], hostWith(SERVER_ENV)).faults).toEqual([fault]);
  });

  test("servers without NATS and database are told both", () => {
    for (const role of ["api", "worker", "gateway"] as const) {
      expect(resolve(role, [], hostWith()).faults).toEqual([
        "--nats-url / NATS_URL is required: NATS server URL, or several with commas",
        "--db-url / DATABASE_URL is required when --db-driver / DATABASE_DRIVER is postgres: postgres://user:password@host:5432/database",
      ]);
    }
  });

  test("resolving throws `usage` with all faults, a line each", () => {
    const resolving = () =>
      resolveSettings("api", ["--api-port=x"], hostWith({ NATS_URL: "x", DATABASE_URL: POSTGRES }));
    expect(resolving).toThrow(
      expect.objectContaining({
        code: "usage",
        message: expect.stringMatching(/^--api-port \/ API_PORT: .*\n--nats-url \/ NATS_URL: .*$/),
      }),
    );
  });

  test("a text may hold dashes: a PEM key, a lone dash, a negative number", () => {
    const pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    const { values, faults } = resolve("gateway", ["--jwt-public-key", pem], hostWith(SERVER_ENV));
    expect({ key: values.get("jwtPublicKey"), faults }).toEqual({ key: pem, faults: [] });
    expect(resolve("daemon", ["--token", "-"], hostWith()).faults).toEqual([]);
    expect(resolve("api", ["--api-port", "-5"], hostWith(SERVER_ENV)).faults).toHaveLength(1);
  });

  test("a PEM key in a variable may have its line breaks as \\n", () => {
    const { values } = resolve("api", [], hostWith({ ...SERVER_ENV, JWT_PUBLIC_KEY: "-----BEGIN X-----\\nAAAA" }));
    expect(values.get("jwtPublicKey")).toBe("-----BEGIN X-----\nAAAA");
  });
});

describe("secrets", () => {
  const everyWayToShow = (resolution: Resolution) =>
    [
      inspect(resolution, { depth: 9 }),
      Bun.inspect(resolution, { depth: 9 }),
      JSON.stringify([...resolution.values]),
      `${[...resolution.values.values()]}`,
      JSON.stringify(configEntries(resolution)),
      renderConfig(configEntries(resolution)),
      ...resolution.faults,
      ...resolution.warnings,
    ].join("\n");

  test("never show, right or wrong, by flag or variable", () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...secretRows())
          .chain((scoped) => fc.record({ scoped: fc.constant(scoped), text: validText(scoped.row.kind) })),
        fc.boolean(),
        ({ scoped: { scope, row }, text }, broken) => {
          const given = broken ? `x${text}` : text;
          const seen = everyWayToShow(resolve(scope, [`${row.flag}=${given}`], hostWith()));
          expect(seen).not.toContain(CANARY);
          expect(everyWayToShow(resolve(scope, [], hostWith({ [row.env ?? ""]: given })))).not.toContain(CANARY);
        },
      ),
    );
  });

  test("are there for the driver that reveals them", () => {
    const url = `postgres://ada:${CANARY}@db/x`;
    const settings = resolveSettings("worker", [`--db-url=${url}`], hostWith(SERVER_ENV));
    expect(settings.dbUrl?.reveal()).toBe(url);
    expect(settings.dbUrl?.toString()).toBe("postgres://ada:***@db/x");
  });
});
