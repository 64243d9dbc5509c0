import type { MessageState, Role, RunState } from "../../chat/message.ts";
import type { ToolCallState } from "../../chat/tool-call.ts";
import type { TokenScope } from "../tokens.ts";

/**
 * The tables as both databases have them. Times are milliseconds since the Unix epoch; `Flag` is 0 or 1, because
 * SQLite has no booleans. `Json` is text, not jsonb: Postgres refuses U+0000 in jsonb, and tools print what they like.
 */
export interface Tables {
  readonly users: UsersTable;
  readonly personal_access_tokens: TokensTable;
  readonly daemons: DaemonsTable;
  readonly projects: ProjectsTable;
  readonly worktrees: WorktreesTable;
  readonly chats: ChatsTable;
  readonly runs: RunsTable;
  readonly messages: MessagesTable;
  readonly content_blocks: ContentBlocksTable;
  readonly tool_calls: ToolCallsTable;
  readonly approvals: ApprovalsTable;
  readonly workflows: WorkflowsTable;
  readonly model_attempts: ModelAttemptsTable;
  readonly live_blocks: LiveBlocksTable;
  readonly live_outputs: LiveOutputsTable;
  readonly chat_updates: ChatUpdatesTable;
  readonly user_updates: UserUpdatesTable;
  readonly outbox: OutboxTable;
}

type Json = string;
type Flag = number;

interface UsersTable {
  id: string;
  issuer: string;
  subject: string;
  email: string | null;
  /** Number of the user's last update. */
  sequence: number;
  created_at: number;
}

interface TokensTable {
  id: string;
  user_id: string;
  name: string;
  scope: TokenScope;
  prefix: string;
  hash: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

interface DaemonsTable {
  id: string;
  user_id: string;
  name: string;
  labels: Json;
  platform: string;
  version: string;
  epoch: number;
  gateway_id: string | null;
  instance_id: string | null;
  journal_id: string | null;
  start_count: number;
  connected: Flag;
  connected_at: number | null;
  last_seen_at: number | null;
  created_at: number;
}

interface ProjectsTable {
  id: string;
  user_id: string;
  name: string;
  path: string;
  created_at: number;
}

interface WorktreesTable {
  id: string;
  project_id: string;
  chat_id: string | null;
  path: string;
  branch: string;
  created_at: number;
}

/** The pointers spare every look at a chat a search that grows with its length. */
interface ChatsTable {
  id: string;
  user_id: string;
  project_id: string | null;
  title: string;
  model: string;
  daemon_id: string | null;
  /** Number of the chat's last update. Its row's lock orders all changes of the chat. */
  sequence: number;
  /** Position of the newest message, of the newest user's message, of the newest answer; 0: none. */
  last_position: number;
  user_position: number;
  answer_position: number;
  /** The newest run. */
  run_id: string | null;
  created_at: number;
  updated_at: number;
}

interface RunsTable {
  id: string;
  chat_id: string;
  state: RunState;
  cancel_requested: Flag;
  /** The chat's last position when the cancel was asked for: later messages get a run of their own. */
  cancel_position: number | null;
  model_calls: number;
  /** The newest answer of this run. */
  answer_id: string | null;
  error: Json | null;
  started_at: number;
  ended_at: number | null;
}

interface MessagesTable {
  id: string;
  chat_id: string;
  run_id: string;
  position: number;
  role: Role;
  state: MessageState;
  model: string | null;
  usage: Json | null;
  error: Json | null;
  /** The fence of an answer that is being written; 0 for other messages. */
  attempt: number;
  created_at: number;
}

/** `body` is the block's JSON; null for a tool's result, which stands in the ledger. */
interface ContentBlocksTable {
  message_id: string;
  idx: number;
  kind: string;
  tool_call_id: string | null;
  body: Json | null;
}

interface ToolCallsTable {
  id: string;
  chat_id: string;
  user_id: string;
  run_id: string;
  message_id: string;
  idx: number;
  name: string;
  input: Json;
  state: ToolCallState;
  daemon_id: string | null;
  journal_id: string | null;
  /** The daemon's process that was granted the call; null before, without a daemon, and from releases before schema 3. */
  instance_id: string | null;
  result: Json | null;
  /** Results that came too late to count: a JSON array, at most `LIMITS.evidencePerCall`. */
  evidence: Json | null;
  delivered: Flag;
  timeout_ms: number | null;
  deadline_at: number | null;
  created_at: number;
}

interface ApprovalsTable {
  id: string;
  chat_id: string;
  user_id: string;
  tool_call_id: string;
  state: "pending" | "approved" | "denied";
  reason: string | null;
  created_at: number;
  decided_at: number | null;
}

interface WorkflowsTable {
  id: string;
  user_id: string;
  name: string;
  version: number;
  definition: Json;
  created_at: number;
}

interface ModelAttemptsTable {
  message_id: string;
  attempt: number;
  run_id: string;
  usage: Json | null;
  error: Json | null;
  started_at: number;
  ended_at: number | null;
}

/** `body` is the JSON of a LiveBlock. */
interface LiveBlocksTable {
  message_id: string;
  idx: number;
  chat_id: string;
  attempt: number;
  body: Json;
}

/** `body` is the JSON of a ToolOutputChunk. */
interface LiveOutputsTable {
  tool_call_id: string;
  chat_id: string;
  body: Json;
}

/** `event` is null where `message_id` names a message that stands: those do not change, and are read when asked for. */
interface ChatUpdatesTable {
  chat_id: string;
  sequence: number;
  message_id: string | null;
  event: Json | null;
}

interface UserUpdatesTable {
  user_id: string;
  sequence: number;
  event: Json;
}

interface OutboxTable {
  id: string;
  kind: "wake" | "cancel";
  chat_id: string;
  created_at: number;
  claimed_until: number | null;
}
