import { describe, expect, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { BOUNDS } from "../support/bounds.ts";
import { startCluster } from "../support/cluster.ts";
import { builtExecutable, runExecutable, startRole } from "../support/executable.ts";
import { programFlags } from "../support/program-flags.ts";
import { tempFolder } from "../support/temp-folder.ts";

const MINUTE = 60_000;

const Outcome = z.object({
  passed: z.boolean(),
  totals: z.record(z.string(), z.number()),
  findings: z.array(z.unknown()),
  asked: z.number(),
  made: z.number(),
  faults: z.array(
    z.object({
      name: z.string(),
      fromMs: z.number(),
      untilMs: z.number(),
      counts: z.object({ turns: z.number() }).optional(),
      result: z.object({ kind: z.string() }),
    }),
  ),
});

const NOTHING_WRONG = { lost: 0, doubled: 0, stuck: 0, holes: 0, failedTurns: 0 };

describe("reliant chaos --stack local", () => {
  test(
    "starts a stack, breaks it, and tells that nothing was lost and nothing ran twice",
    async () => {
      await using folder = await tempFolder("chaos");
      const json = join(folder.path, "outcome.json");
      const run = await runExecutable({
        args: [
          ...["chaos", "--stack", "local", ...(await programFlags(folder.path)), "--seed", "1", "--json", json],
          ...["--chats", "2", "--daemons", "1", "--faults", "kill-worker,kill-daemon,cut-client-api"],
        ],
        timeoutMs: 4 * MINUTE,
      });
      expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: "" });
      expect(run.stdout).toContain("--seed 1");
      expect(run.stdout).toMatch(/^kill-worker .* after \d+\.\d s$/m);
      expect(run.stdout).toContain("held: nothing lost, nothing twice");
      const outcome = Outcome.parse(await Bun.file(json).json());
      expect(outcome).toMatchObject({ passed: true, totals: NOTHING_WRONG, findings: [] });
      expect(outcome.totals.turns).toBeGreaterThan(2);
      expect(outcome).toMatchObject({ asked: 3, made: 3 });
      const moments = outcome.faults.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]);
      expect(moments).toEqual(moments.toSorted((a, b) => a - b));
      // The calm rows are no faults: nothing is counted in them.
      expect(outcome.faults.map(({ counts }) => counts !== undefined)).toEqual([false, true, true, true, false]);
      for (const { counts } of outcome.faults.slice(1, -1)) expect(counts?.turns).toBeGreaterThan(0);
      expect(outcome.faults.map(({ name, result }) => `${name} ${result.kind}`).toSorted()).toEqual([
        "(after) moved",
        "(before) moved",
        "cut-client-api moved",
        "kill-daemon moved",
        "kill-worker moved",
      ]);
    },
    5 * MINUTE,
  );

  test(
    "ended by a person brings back what it broke, and prints what it has",
    async () => {
      await using folder = await tempFolder("chaos");
      const chaos = await startRole({
        args: [
          ...["chaos", "--stack", "local", ...(await programFlags(folder.path)), "--chats", "1", "--daemons", "1"],
          ...["--faults", "away-nats", "--away", "1h"],
        ],
      });
      await chaos.awaitOutput(/^\(before\) .* after/m, 2 * MINUTE);
      const ended = await chaos.stop("SIGINT", 3 * MINUTE);
      expect(chaos.stdout).toContain("(ended by you)");
      expect(chaos.stdout).toMatch(/chats {2}turns {2}calls {2}lost/);
      expect({ code: ended.code, stderr: chaos.stderr }).toEqual({ code: 130, stderr: "" });
    },
    6 * MINUTE,
  );
});

describe("reliant chaos against a stack that runs", () => {
  test(
    "makes the faults of a client, says which it cannot make, and refuses a stack with another model",
    async () => {
      await using folder = await tempFolder("chaos");
      const script = join(folder.path, "chaos.yaml");
      const written = await runExecutable({ args: ["chaos", "--write-script", script] });
      expect(written.code).toBe(0);
      await using cluster = await startCluster({ apis: 1, gateways: 1, workers: 1, script });
      const { jwt } = await cluster.signUp("ada");
      const own = ["chaos", "--server", cluster.apiUrl, "--gateway", cluster.gatewayUrl, "--token", "-"];
      const size = ["--chats", "2", "--daemons", "1", "--seed", "1"];

      const faults = ["--faults", "kill-worker,kill-daemon,reset-client-api,cut-daemon-gateway"];
      const run = await runExecutable({ args: [...own, ...size, ...faults], stdin: jwt, timeoutMs: 3 * MINUTE });
      expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: "" });
      expect(run.stdout).toMatch(/^kill-worker .*not possible here: only on a stack that chaos starts itself/m);
      expect(run.stdout).toMatch(/^kill-daemon .* after \d+\.\d s$/m);
      expect(run.stdout).toMatch(/^cut-daemon-gateway .* after \d+\.\d s$/m);

      const strict = await runExecutable({
        args: [...own, ...size, "--strict", "--faults", "kill-worker,freeze-daemon"],
        stdin: jwt,
        timeoutMs: 3 * MINUTE,
      });
      expect({ code: strict.code, stderr: strict.stderr }).toEqual({ code: 1, stderr: "" });
      expect(strict.stdout).toContain("1 of 2 faults made\nFAILED");
      const logs = /^logs: (.+)$/m.exec(strict.stdout)?.[1] ?? "";
      expect(await readdir(logs)).toEqual([expect.stringMatching(/^daemon-chaos-.*\.log$/)]);
      expect(await readdir(dirname(logs))).toEqual(["logs"]);
      await rm(dirname(logs), { recursive: true });

      const wrong = ["chaos", "--server", cluster.apiUrl, "--gateway", cluster.apiUrl, "--token", "-", ...size];
      const noGateway = await runExecutable({ args: wrong, stdin: jwt });
      expect(noGateway.code).toBe(1);
      expect(noGateway.stderr).toContain(`reach the gateway ${cluster.apiUrl}: no gateway answers there`);

      const foreign = ["--model", "scripted/elsewhere.yaml", ...size];
      const refused = await runExecutable({ args: [...own, ...foreign], stdin: jwt, timeoutMs: 2 * MINUTE });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("its answers do not come from chaos's script");
      expect(refused.stderr).toContain("--write-script");
    },
    BOUNDS.buildMs + 6 * MINUTE,
  );

  test(
    "needs to know where it is",
    async () => {
      await builtExecutable();
      const run = await runExecutable({ args: ["chaos", "--server", "http://127.0.0.1:1"] });
      expect(run.code).toBe(2);
      expect(run.stderr).toContain("--gateway, --token missing");
      expect(run.stderr).toContain("--stack local");
    },
    BOUNDS.buildMs,
  );

  test(
    "is asked before daemons start, and a file that cannot be written is refused before that; nothing stays behind",
    async () => {
      await using folder = await tempFolder("chaos");
      const flags = ["chaos", "--server", "http://127.0.0.1:1", "--gateway", "http://127.0.0.1:1", "--token", "-"];
      const own = [...flags, "--data-dir", folder.path];
      const json = join(folder.path, "absent", "outcome.json");
      const unwritable = await runExecutable({ args: [...own, "--json", json], stdin: "key" });
      expect({ code: unwritable.code, stderr: unwritable.stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(`write ${json}: `),
      });
      const written = join(folder.path, "outcome.json");
      const unreachable = await runExecutable({ args: [...own, "--json", written], stdin: "key" });
      expect(unreachable.code).toBe(1);
      expect(unreachable.stderr).toContain("reach the gateway http://127.0.0.1:1: ");
      expect(unreachable.stderr).toContain("a monolith has no gateway");
      expect(await readdir(folder.path)).toEqual([]);
    },
    BOUNDS.buildMs,
  );
});
