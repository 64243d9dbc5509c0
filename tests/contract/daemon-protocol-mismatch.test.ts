import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Refused_Reason } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { SmallGateway } from "../support/small-gateway.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(60_000);

const MAIN = join(import.meta.dir, "../../src/main.ts");

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder("mismatch");
});
afterAll(() => folder.remove());

function reliant(args: readonly string[], stdin?: string): Promise<ManagedProcess> {
  return ManagedProcess.start({
    command: [process.execPath, MAIN, ...args, "--data-dir", join(folder.path, "data")],
    env: { PATH: process.env.PATH ?? "", HOME: folder.path },
    cwd: folder.path,
    ...(stdin === undefined ? {} : { stdin }),
  });
}

describe("a daemon whose gateway speaks later versions only", () => {
  test("says which side to update, ends with a code of its own, and `daemon status` repeats it", async () => {
    await using gateway = await SmallGateway.start();
    const daemon = await reliant(["daemon", "start", "--gateway", gateway.url, "--token", "-"], "rlnt_pat_test");
    const connection = await gateway.connection(0);
    const message = "the daemon is too old: the daemon speaks protocol 1, this gateway protocols 7 to 9";
    const versions = { minProtocolVersion: 7, maxProtocolVersion: 9 };
    connection.send({ case: "refused", value: { reason: Refused_Reason.PROTOCOL, message, ...versions } });
    expect(await daemon.exited).toMatchObject({ code: 5 });
    expect(daemon.newestOutput()).toContain(message);
    expect(daemon.newestOutput()).toContain("update reliant on this machine");

    const status = await reliant(["daemon", "status"]);
    expect(await status.exited).toMatchObject({ code: 3 });
    expect(status.newestOutput()).toContain("The last one gave up.");
    expect(status.newestOutput()).toContain(message);
    expect(status.newestOutput()).toContain("update reliant on this machine");
  });
});
