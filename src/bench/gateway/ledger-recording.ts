import { ReliantError } from "../../core/errors.ts";
import { startRole } from "../bench-roles.ts";
import type { BenchUser, Installation } from "../installation.ts";
import { openPostgresTap } from "../postgres-tap.ts";
import { requestCalls } from "../requested-calls.ts";
import type { ExecutedStatement } from "../statement-reader.ts";
import { type StatementSender, withPlaces } from "./bare-ledger-places.ts";
import type { CallStatement, RequestedCall } from "./ledger-options.ts";

/** The first is not recorded: connections and plans are made for it. */
const CALLS = 2;

interface SentStatement extends ExecutedStatement {
  readonly sender: StatementSender;
}

/**
 * The statements that worker and gateway send for one call, in their order: recorded by taps before Postgres, one for each
 * of them. `connect`: a daemon that is connected to that gateway until what it answers is called, for the first time.
 */
export async function recordCall(
  installation: Installation,
  user: BenchUser,
  tool: { readonly name: string; readonly input: Readonly<Record<string, string>> },
  connect: (gatewayUrl: string) => Promise<{ readonly daemonId: string; stop(): Promise<unknown> }>,
): Promise<readonly CallStatement[]> {
  const { world, databaseUrl, natsUrl, store } = installation;
  const { drivers, signal } = world;
  const seen: SentStatement[] = [];
  await using closing = new AsyncDisposableStack();
  const openTap = async (sender: StatementSender) =>
    closing.use(await openPostgresTap(databaseUrl, ({ text, values }) => void seen.push({ sender, text, values })));
  const ofGateway = await openTap("gateway");
  const ofWorker = await openTap("worker");
  const gateway = await startRole(installation, "gateway", { databaseUrl: ofGateway.url });
  closing.defer(async () => void (await gateway.process.stop("SIGKILL")));
  const { daemonId, stop } = await connect(gateway.url);
  closing.defer(async () => void (await stop()));
  const nats = await drivers.openNats(natsUrl, signal);
  closing.defer(() => nats.close());
  const tapped = await drivers.openStore(ofWorker.url, signal);
  closing.defer(() => tapped.close());
  const router = drivers.openRouter(tapped, nats);
  closing.defer(() => router.close());
  const { chatId, callIds } = await requestCalls(store, user.id, CALLS, tool);
  for (const toolCallId of callIds) {
    seen.length = 0;
    const request = { toolCallId, chatId, userId: user.id, daemonId, toolName: tool.name, roots: ["/bench"] };
    const call = await router.sendToolRequestSync({ ...request, inputJson: "{}", timeoutMs: 60_000 }, signal);
    if (call.state !== "succeeded") throw new ReliantError("internal", `record a call: it is ${call.state}`);
  }
  const recorded = { toolCallId: callIds.at(-1) ?? "", chatId, daemonId };
  return statementsOf(seen, recorded);
}

/** Without those that are not about the call: polls, and what is noted for all daemons together. */
function statementsOf(seen: readonly SentStatement[], call: RequestedCall): readonly CallStatement[] {
  const about = seen
    .map(({ sender, text, values }) => ({ sender, text, values: values() }))
    .filter(({ values }) => values.includes(call.toolCallId));
  return withPlaces(about).map(({ place, text, values }) => {
    return { place, text, values: values.map((value) => boundValue(value, call)) };
  });
}

function boundValue(value: string | null, call: RequestedCall): CallStatement["values"][number] {
  switch (value) {
    case call.toolCallId:
      return { kind: "tool_call_id" };
    case call.chatId:
      return { kind: "chat_id" };
    case call.daemonId:
      return { kind: "daemon_id" };
    default:
      return { kind: "as_recorded", value };
  }
}
