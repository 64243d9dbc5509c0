import { API_LOAD } from "./api-load.ts";
import type { BenchPart } from "./bench-part.ts";
import { GATEWAY_HOP } from "./gateway/gateway-hop.ts";
import { GATEWAY_STORM } from "./gateway/gateway-storm.ts";
import { LEDGER_CALLS } from "./gateway/ledger-calls.ts";
import { IDLE_DAEMON } from "./idle-daemon.ts";
import { SOAK } from "./soak.ts";
import { START_UP } from "./start-up.ts";
import { STORE_SIZES } from "./store-sizes.ts";
import { TOOL_CALL } from "./tool-call.ts";
import { TURN_COSTS } from "./turn-costs.ts";
import { WORKER_RUNS } from "./worker-runs.ts";

/** What `reliant bench` measures, in this order. */
export const PARTS: readonly BenchPart[] = [
  START_UP,
  TOOL_CALL,
  IDLE_DAEMON,
  TURN_COSTS,
  STORE_SIZES,
  GATEWAY_HOP,
  GATEWAY_STORM,
  LEDGER_CALLS,
  API_LOAD,
  WORKER_RUNS,
  SOAK,
];
