import type { Clock } from "../core/clock.ts";
import type { ModelCatalog } from "../models/model-provider.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import type { Daemon } from "../store/daemons.ts";
import type { Store } from "../store/store.ts";
import type { ToolCatalog } from "../tools/catalog.ts";
import type { UpdateHub } from "../updates/update-hub.ts";

/** The tools that the model is told of. */
export type ToolSet = Pick<ToolCatalog, "descriptions" | "parse">;

/** Which daemon runs a chat's tools; undefined: none can. */
export type ChooseDaemon = (chat: {
  readonly userId: string;
  readonly daemonId?: string;
}) => Promise<Pick<Daemon, "id" | "platform"> | undefined>;

/** What the steps of the loop work with. */
export interface ActivityDeps {
  readonly store: Pick<Store, "turns" | "toolCalls" | "chats" | "projects">;
  readonly models: ModelCatalog;
  readonly tools: ToolSet;
  readonly router: Pick<DaemonRouter, "sendToolRequestSync" | "cancelToolCall">;
  readonly chooseDaemon: ChooseDaemon;
  readonly hub: Pick<UpdateHub, "publish">;
  readonly clock: Clock;
}
