import { create } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import * as pb from "../gen/reliant/v1/daemon_admin_pb.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import type { Daemon } from "../store/daemons.ts";
import type { Store } from "../store/store.ts";
import { daemonMessage } from "./wire-mapping.ts";

/** The caller's machines. */
export class DaemonAdminApi {
  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "daemons">;
      readonly router: Pick<DaemonRouter, "sendCommand">;
      readonly clock: Clock;
    },
  ) {}

  async listDaemons(identity: Identity, _request: pb.ListDaemonsRequest): Promise<pb.ListDaemonsResponse> {
    const daemons = await this.deps.store.daemons.list(identity.userId);
    const nowMs = this.deps.clock.now();
    return create(pb.ListDaemonsResponseSchema, {
      daemons: daemons.map((daemon) => daemonMessage(daemon, isOnline(daemon, nowMs))),
    });
  }

  async loadDaemonConfig(
    identity: Identity,
    request: pb.LoadDaemonConfigRequest,
    signal: AbortSignal,
  ): Promise<pb.LoadDaemonConfigResponse> {
    const { userId } = identity;
    const daemon = await this.deps.store.daemons.find(userId, request.daemonId);
    if (daemon === undefined) throw new ReliantError("not_found", `daemon ${request.daemonId}: not found`);
    await this.deps.router.sendCommand({ userId, daemonId: daemon.id }, { kind: "load_config" }, signal);
    return create(pb.LoadDaemonConfigResponseSchema, {});
  }
}

/** Connected as far as the store was told, and seen within `LIMITS.onlineMs`: never a column alone. */
export function isOnline(daemon: Daemon, nowMs: number): boolean {
  return daemon.connected && nowMs - (daemon.lastSeenAtMs ?? 0) < LIMITS.onlineMs;
}
