import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import type { Identity } from "../../../src/auth/identity.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { daemonRoutes } from "../../../src/gateway/daemon-routes.ts";
import { ConnectRequestSchema, ToolsDaemonService } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { FakeStore } from "../../support/fake-store.ts";
import { FrameDaemon } from "../../support/frame-daemon.ts";
import { gatewayOver } from "../../support/gateway-world.ts";

const TOKENS: Readonly<Record<string, Identity>> = {
  machine: { userId: "usr_ada", scope: "daemon", tokenId: "tok_1" },
  api: { userId: "usr_ada", scope: "api" },
};

const verifier = {
  verify: async (token: string): Promise<Identity> => {
    const identity = TOKENS[token];
    if (identity === undefined) throw new ReliantError("unauthenticated", "this token is not known");
    return identity;
  },
};

async function firstFrame(authorization: string | undefined) {
  const { service } = gatewayOver(new FakeStore());
  const daemon = new FrameDaemon({ userId: "usr_ada" });
  const transport = createRouterTransport(daemonRoutes({ service, verifier }));
  const leave = Promise.withResolvers<void>();
  async function* frames() {
    yield create(ConnectRequestSchema, { frame: daemon.hello() });
    await leave.promise;
  }
  const headers = authorization === undefined ? {} : { authorization };
  try {
    for await (const { frame } of createClient(ToolsDaemonService, transport).connect(frames(), { headers }))
      return frame;
    return undefined;
  } finally {
    leave.resolve();
    daemon.stop();
    await service.close();
  }
}

async function refusal(authorization: string | undefined): Promise<ConnectError> {
  const error = await firstFrame(authorization).catch((thrown) => thrown);
  return error instanceof ConnectError ? error : new ConnectError("was let in", Code.Unknown);
}

describe("the daemons' service over Connect", () => {
  test("welcomes a daemon that shows a daemon's token", async () => {
    expect((await firstFrame("Bearer machine"))?.case).toBe("welcome");
  });

  test.each([
    ["no token", undefined],
    ["something else than a bearer token", "Basic bWFjaGluZQ=="],
    ["a token that is not known", "Bearer stolen"],
  ])("refuses %s", async (_, authorization) => {
    expect((await refusal(authorization)).code).toBe(Code.Unauthenticated);
  });

  test("refuses a token of the API and says what to do", async () => {
    const error = await refusal("Bearer api");
    expect(error.code).toBe(Code.PermissionDenied);
    expect(error.message).toContain("reliant daemon register");
  });
});
