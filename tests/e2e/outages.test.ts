import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { freePorts } from "../../src/stack/free-port.ts";
import { eventually } from "../support/eventually.ts";
import { runExecutable, startRole } from "../support/executable.ts";
import { startNats } from "../support/nats-server.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { sharedTemporal } from "../support/temporal-server.ts";

const MINUTE = 60_000;

const Ready = z.object({
  ready: z.boolean(),
  checks: z.record(z.string(), z.object({ ok: z.boolean(), reason: z.string().optional() })),
});

async function ready(healthPort: number) {
  const response = await fetch(`http://127.0.0.1:${healthPort}/ready`, { signal: AbortSignal.timeout(5000) });
  return { status: response.status, ...Ready.parse(await response.json()) };
}

describe("a server whose backends are away", () => {
  test(
    "stays up, says which is missing, and becomes ready when they are there",
    async () => {
      await using nats = await startNats();
      await using postgres = await startPostgres();
      await using temporal = await sharedTemporal();
      const database = await postgres.freshDatabase("outage");
      await postgres.kill9();
      const [api = 0, grpc = 0, health = 0, pprof = 0] = await freePorts(4);
      const role = await startRole({
        args: [
          ...["server", "api", "--db-url", database.url, "--nats-url", nats.url, "--disable-tls"],
          ...["--temporal-host", temporal.host, "--temporal-port", String(temporal.port)],
          ...["--api-port", String(api), "--grpc-port", String(grpc), "--health-port", String(health)],
          ...["--pprof-port", String(pprof)],
        ],
      });
      await role.awaitReady(`http://127.0.0.1:${health}/health`);
      const away = await eventually("the database to be missed", async () => {
        const answer = await ready(health);
        return answer.checks.nats?.ok === true && answer.checks.postgres?.ok === false ? answer : undefined;
      });
      expect(away.status).toBe(503);
      expect(away.checks.postgres?.reason).toContain("database");

      await postgres.restart();
      await role.awaitReady(`http://127.0.0.1:${health}/ready`);

      await nats.kill9();
      const deaf = await eventually("NATS to be missed", async () => {
        const answer = await ready(health);
        return answer.status === 503 ? answer : undefined;
      });
      expect(deaf.checks).toMatchObject({ postgres: { ok: true }, nats: { ok: false }, hub: { ok: false } });
      await nats.restart();
      await role.awaitReady(`http://127.0.0.1:${health}/ready`);
      await role.stopCleanly();
    },
    3 * MINUTE,
  );

  test(
    "ends at once and cleanly when it is stopped while it waits",
    async () => {
      const [health = 0, nothing = 0] = await freePorts(2);
      const role = await startRole({
        args: [
          ...["server", "gateway", "--db-url", `postgres://u:hunter2@127.0.0.1:${nothing}/db`, "--disable-tls"],
          ...["--nats-url", `nats://127.0.0.1:${nothing}`, "--health-port", String(health)],
        ],
      });
      await role.awaitReady(`http://127.0.0.1:${health}/health`);
      await eventually("/ready to say why", async () => {
        const { checks } = await ready(health);
        return (
          checks.nats?.reason?.includes("REFUSED") === true && checks.postgres?.reason?.includes("REFUSED") === true
        );
      });
      await role.stopCleanly(5000);
      expect(role.stderr + role.stdout).not.toContain("hunter2");
    },
    MINUTE,
  );
});

describe("a port that somebody else has", () => {
  test(
    "is told with flag, variable and holder",
    async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      const address = taken.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      await using folder = await tempFolder("taken");
      try {
        const run = await runExecutable({
          args: ["monolith", "--health-port", String(port), "--data-dir", join(folder.path, "data")],
        });
        expect(run.code).toBe(1);
        expect(run.stderr).toContain("address in use");
        expect(run.stderr).toContain("--health-port");
        expect(run.stderr).toContain("HEALTH_PORT");
        expect(run.stderr).toContain(`process ${process.pid}`);
      } finally {
        await new Promise((resolve) => taken.close(resolve));
      }
    },
    MINUTE,
  );
});

describe("a gateway with a certificate of its own making", () => {
  test(
    "is taken by a daemon that skips the check, and refused by one that does not",
    async () => {
      await using nats = await startNats();
      await using postgres = await startPostgres();
      const database = await postgres.freshDatabase("tls");
      await using folder = await tempFolder("tls");
      const [daemons = 0, frontend = 0, health = 0] = await freePorts(3);
      const gateway = await startRole({
        args: [
          ...["server", "gateway", "--db-url", database.url, "--nats-url", nats.url],
          ...["--data-dir", join(folder.path, "data"), "--daemon-port", String(daemons)],
          ...["--frontend-port", String(frontend), "--health-port", String(health)],
        ],
      });
      await gateway.awaitReady(`http://127.0.0.1:${health}/ready`);
      expect(gateway.stderr).toContain("self-signed");
      const url = `https://127.0.0.1:${daemons}`;
      const start = (name: string, flags: readonly string[]) =>
        startRole({
          args: [
            "daemon",
            "start",
            "--gateway",
            url,
            "--token",
            "rlnt_pat_wrong",
            "--data-dir",
            join(folder.path, name),
            ...flags,
          ],
        });
      // The token is refused only once the handshake stands: that is the proof of it.
      const trusting = await start("trusting", ["--tls-mode", "insecure_tls_skip_verify"]);
      expect((await trusting.awaitExit()).code).toBe(4);
      expect(trusting.stderr).toContain("token");
      const careful = await start("careful", []);
      await careful.awaitOutput(/certificate/i);
      await careful.stopCleanly();
      await gateway.stopCleanly();
    },
    2 * MINUTE,
  );
});
