import type { Daemons } from "../store/daemons.ts";
import type { Tokens } from "../store/tokens.ts";
import type { ToolCalls } from "../store/tool-calls.ts";
import type { Updates } from "../store/updates.ts";

/** The part of the store that a gateway uses. */
export interface GatewayStore {
  readonly daemons: Pick<Daemons, "hello" | "markConnected" | "markDisconnected" | "touch" | "supersededAmong">;
  readonly toolCalls: Pick<ToolCalls, "find" | "daemonReady" | "daemonResult">;
  readonly tokens: Pick<Tokens, "invalidAmong">;
  readonly updates: Pick<Updates, "saveLiveOutput">;
}
