import { describe, expect, test } from "bun:test";
import { callCli } from "./fake-terminal.ts";

const SERVER_ENV = { NATS_URL: "nats://localhost:4222", DATABASE_URL: "postgres://ada:hunter2@localhost/reliant" };

describe("wrong usage ends with exit code 2, says what was meant, and shows no stack", () => {
  test.each([
    [
      ["versoin"],
      'reliant: unknown command "versoin": did you mean reliant version?\n  reliant --help shows the commands\n',
    ],
    [
      ["worker"],
      'reliant: unknown command "worker": did you mean reliant server worker?\n  reliant --help shows the commands\n',
    ],
    [
      ["server", "gatway"],
      'reliant: unknown command "gatway": did you mean reliant server gateway?\n  reliant server --help shows the commands\n',
    ],
    [["frobnicate"], 'reliant: unknown command "frobnicate"\n  reliant --help shows the commands\n'],
    [["--frobnicate"], "reliant: unknown flag --frobnicate\n  reliant --help shows the commands\n"],
    [
      ["version", "--jsn"],
      "reliant: unknown flag --jsn: did you mean --json?\n  reliant version --help shows what it takes\n",
    ],
    [
      ["run", "--json"],
      'reliant: PROMPT is missing: what the agent is to do, as in reliant run "fix the failing test"\n  reliant run --help shows what it takes\n',
    ],
  ])("reliant %p", async (argv, err) => {
    expect(await callCli(argv)).toEqual({ exitCode: 2, out: "", err });
  });

  test("all faults of one call come at once", async () => {
    const { exitCode, err } = await callCli(["server", "gateway", "--daemon-port=x", "--natsurl=y"]);
    expect(exitCode).toBe(2);
    expect(err.split("\n").filter((line) => line.startsWith("  - "))).toHaveLength(4);
  });

  test("a server that is to log JSON tells its faults as JSON", async () => {
    const { err } = await callCli(["server", "gateway", "--log-format=json"]);
    expect(JSON.parse(err)).toMatchObject({ level: "ERROR", properties: { code: "usage" } });
  });

  test("a command that logs nothing tells its faults to people", async () => {
    const { err } = await callCli(["run", "--json"], { LOG_FORMAT: "json" });
    expect(err).toStartWith("reliant: PROMPT is missing");
  });

  test.each([[[]], [["server"]], [["daemon"]]])("reliant %p shows the help on standard error", async (argv) => {
    const asked = await callCli([...argv, "--help"]);
    expect(await callCli(argv)).toEqual({ exitCode: 2, out: "", err: `${asked.out}\n` });
  });
});

describe("reliant version", () => {
  test("says what it was built from", async () => {
    const { exitCode, out, err } = await callCli(["version"]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(out).toMatch(/^reliant \d+\.\d+\.\d+ \(.*bun \d+\.\d+\.\d+, \w+-\w+\)\n$/);
  });

  test("--json gives version, commit, date, bun and target", async () => {
    const { out } = await callCli(["version", "--json"]);
    expect(Object.keys(JSON.parse(out))).toEqual(["version", "commit", "date", "bun", "target"]);
  });

  test.each([["--version"], ["-v"]])("%s is the same", async (flag) => {
    expect(await callCli([flag])).toEqual(await callCli(["version"]));
  });
});

describe("reliant config", () => {
  test("shows each setting in force and its source, and no secret", async () => {
    const { exitCode, out } = await callCli(
      ["config", "--role", "api", "--api-port=18080", "--streaming-driver=memory"],
      SERVER_ENV,
    );
    const lines = out.split("\n").map((line) => line.replace(/ +/g, " "));
    expect(exitCode).toBe(0);
    expect(lines).toContain("--api-port 18080 flag --api-port");
    expect(lines).toContain("--db-url postgres://ada:***@localhost/reliant variable DATABASE_URL");
    expect(lines).toContain("--health-port 8081 default");
    expect(lines).toContain("--streaming-driver nats forced servers stream through NATS only");
  });

  test("--json gives the same for programs", async () => {
    const { out } = await callCli(["config", "--json", "--role=worker"], SERVER_ENV);
    expect(JSON.parse(out)).toContainEqual({
      setting: "dbUrl",
      flag: "--db-url",
      variable: "DATABASE_URL",
      value: "postgres://ada:***@localhost/reliant",
      source: "variable",
      from: "DATABASE_URL",
    });
    expect(out).not.toContain("hunter2");
  });

  test("with faults it shows what is right, then tells the faults and ends with 2", async () => {
    const { exitCode, out, err } = await callCli(["config", "--role=gateway", "--daemon-port=x"]);
    expect(exitCode).toBe(2);
    expect(out).toContain("--frontend-port");
    expect(err).toContain("  - --daemon-port / TOOLS_DAEMON_PORT: ");
    expect(err).toContain("  - --nats-url / NATS_URL is required");
  });

  test("an unknown role is a fault", async () => {
    const { exitCode, err } = await callCli(["config", "--role=wroker"]);
    expect({ exitCode, said: err.includes("did you mean worker?") }).toEqual({ exitCode: 2, said: true });
  });
});
