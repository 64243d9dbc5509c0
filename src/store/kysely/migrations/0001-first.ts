/** Version 1. Every statement is understood by SQLite and by Postgres. */
export const FIRST: readonly string[] = [
  `create table users (
    id text primary key, issuer text not null, subject text not null, email text,
    sequence bigint not null default 0, created_at bigint not null,
    unique (issuer, subject))`,

  `create table personal_access_tokens (
    id text primary key, user_id text not null references users, name text not null, scope text not null,
    prefix text not null, hash text not null unique, created_at bigint not null, expires_at bigint, revoked_at bigint)`,
  "create index personal_access_tokens_of_user on personal_access_tokens (user_id, id)",

  `create table daemons (
    id text primary key, user_id text not null references users, name text not null, labels text not null,
    platform text not null, version text not null, epoch bigint not null default 0,
    gateway_id text, instance_id text, journal_id text, start_count bigint not null default 0,
    connected integer not null default 0, connected_at bigint, last_seen_at bigint, created_at bigint not null)`,
  "create index daemons_of_user on daemons (user_id, id)",

  `create table projects (
    id text primary key, user_id text not null references users, name text not null, path text not null,
    created_at bigint not null,
    unique (user_id, path))`,
  "create index projects_of_user on projects (user_id, id)",

  `create table chats (
    id text primary key, user_id text not null references users, project_id text references projects,
    title text not null, model text not null, daemon_id text references daemons,
    sequence bigint not null default 0, last_position bigint not null default 0,
    user_position bigint not null default 0, answer_position bigint not null default 0,
    run_id text, created_at bigint not null, updated_at bigint not null)`,
  "create index chats_of_user on chats (user_id, updated_at, id)",
  "create index chats_of_project on chats (project_id, updated_at, id)",

  `create table worktrees (
    id text primary key, project_id text not null references projects, chat_id text references chats,
    path text not null, branch text not null, created_at bigint not null,
    unique (project_id, path))`,

  `create table runs (
    id text primary key, chat_id text not null references chats, state text not null,
    cancel_requested integer not null default 0, cancel_position bigint, model_calls bigint not null default 0,
    answer_id text, error text, started_at bigint not null, ended_at bigint)`,
  "create unique index runs_one_under_way on runs (chat_id) where state = 'running'",
  "create index runs_under_way on runs (started_at, chat_id) where state = 'running'",

  `create table messages (
    id text primary key, chat_id text not null references chats, run_id text not null references runs,
    position bigint not null, role text not null, state text not null, model text, usage text, error text,
    attempt bigint not null default 0, created_at bigint not null,
    unique (chat_id, position))`,

  `create table tool_calls (
    id text primary key, chat_id text not null references chats, user_id text not null references users,
    run_id text not null references runs, message_id text not null references messages, idx integer not null,
    name text not null, input text not null, state text not null, daemon_id text references daemons, journal_id text,
    result text, evidence text, delivered integer not null default 0, timeout_ms bigint, deadline_at bigint,
    created_at bigint not null,
    unique (message_id, idx))`,
  `create index tool_calls_open_of_run on tool_calls (run_id, id)
    where state in ('requested', 'dispatched', 'running')`,
  "create index tool_calls_open_of_daemon on tool_calls (daemon_id) where state in ('dispatched', 'running')",

  `create table content_blocks (
    message_id text not null references messages, idx integer not null, kind text not null,
    tool_call_id text references tool_calls, body text,
    primary key (message_id, idx))`,

  `create table approvals (
    id text primary key, chat_id text not null references chats, user_id text not null references users,
    tool_call_id text not null unique references tool_calls, state text not null, reason text,
    created_at bigint not null, decided_at bigint)`,
  "create index approvals_of_chat on approvals (chat_id, id)",

  `create table workflows (
    id text primary key, user_id text not null references users, name text not null, version bigint not null,
    definition text not null, created_at bigint not null,
    unique (user_id, name, version))`,

  `create table model_attempts (
    message_id text not null references messages, attempt bigint not null, run_id text not null references runs,
    usage text, error text, started_at bigint not null, ended_at bigint,
    primary key (message_id, attempt))`,

  `create table live_blocks (
    message_id text not null references messages, idx integer not null, chat_id text not null references chats,
    attempt bigint not null, body text not null,
    primary key (message_id, idx))`,
  "create index live_blocks_of_chat on live_blocks (chat_id)",

  `create table live_outputs (
    tool_call_id text primary key references tool_calls, chat_id text not null references chats, body text not null)`,
  "create index live_outputs_of_chat on live_outputs (chat_id)",

  // Without a foreign key to the chat or the user: its row was changed by the statement before, and the check of each
  // number would cost as much as its writing.
  `create table chat_updates (
    chat_id text not null, sequence bigint not null, message_id text references messages, event text,
    primary key (chat_id, sequence))`,

  `create table user_updates (
    user_id text not null, sequence bigint not null, event text not null,
    primary key (user_id, sequence))`,

  `create table outbox (
    id text primary key, kind text not null, chat_id text not null references chats, created_at bigint not null,
    claimed_until bigint)`,
  "create index outbox_by_age on outbox (created_at, id)",
];
