create table schema_versions (version bigint primary key, applied_at bigint not null);

create table users (
    id text primary key, issuer text not null, subject text not null, email text,
    sequence bigint not null default 0, created_at bigint not null,
    unique (issuer, subject));

create table personal_access_tokens (
    id text primary key, user_id text not null references users, name text not null, scope text not null,
    prefix text not null, hash text not null unique, created_at bigint not null, expires_at bigint, revoked_at bigint);

create index personal_access_tokens_of_user on personal_access_tokens (user_id, id);

create table daemons (
    id text primary key, user_id text not null references users, name text not null, labels text not null,
    platform text not null, version text not null, epoch bigint not null default 0,
    gateway_id text, instance_id text, journal_id text, start_count bigint not null default 0,
    connected integer not null default 0, connected_at bigint, last_seen_at bigint, created_at bigint not null);

create index daemons_of_user on daemons (user_id, id);

create table projects (
    id text primary key, user_id text not null references users, name text not null, path text not null,
    created_at bigint not null,
    unique (user_id, path));

create index projects_of_user on projects (user_id, id);

create table chats (
    id text primary key, user_id text not null references users, project_id text references projects,
    title text not null, model text not null, daemon_id text references daemons,
    sequence bigint not null default 0, last_position bigint not null default 0,
    user_position bigint not null default 0, answer_position bigint not null default 0,
    run_id text, created_at bigint not null, updated_at bigint not null);

create index chats_of_user on chats (user_id, updated_at, id);

create index chats_of_project on chats (project_id, updated_at, id);

create table worktrees (
    id text primary key, project_id text not null references projects, chat_id text references chats,
    path text not null, branch text not null, created_at bigint not null,
    unique (project_id, path));

create table runs (
    id text primary key, chat_id text not null references chats, state text not null,
    cancel_requested integer not null default 0, cancel_position bigint, model_calls bigint not null default 0,
    answer_id text, error text, started_at bigint not null, ended_at bigint);

create unique index runs_one_under_way on runs (chat_id) where state = 'running';

create index runs_under_way on runs (started_at, chat_id) where state = 'running';

create table messages (
    id text primary key, chat_id text not null references chats, run_id text not null references runs,
    position bigint not null, role text not null, state text not null, model text, usage text, error text,
    attempt bigint not null default 0, created_at bigint not null,
    unique (chat_id, position));

create table tool_calls (
    id text primary key, chat_id text not null references chats, user_id text not null references users,
    run_id text not null references runs, message_id text not null references messages, idx integer not null,
    name text not null, input text not null, state text not null, daemon_id text references daemons, journal_id text,
    result text, evidence text, delivered integer not null default 0, timeout_ms bigint, deadline_at bigint,
    created_at bigint not null,
    unique (message_id, idx));

create index tool_calls_open_of_run on tool_calls (run_id, id)
    where state in ('requested', 'dispatched', 'running');

create index tool_calls_open_of_daemon on tool_calls (daemon_id) where state in ('dispatched', 'running');

create table content_blocks (
    message_id text not null references messages, idx integer not null, kind text not null,
    tool_call_id text references tool_calls, body text,
    primary key (message_id, idx));

create table approvals (
    id text primary key, chat_id text not null references chats, user_id text not null references users,
    tool_call_id text not null unique references tool_calls, state text not null, reason text,
    created_at bigint not null, decided_at bigint);

create index approvals_of_chat on approvals (chat_id, id);

create table workflows (
    id text primary key, user_id text not null references users, name text not null, version bigint not null,
    definition text not null, created_at bigint not null,
    unique (user_id, name, version));

create table model_attempts (
    message_id text not null references messages, attempt bigint not null, run_id text not null references runs,
    usage text, error text, started_at bigint not null, ended_at bigint,
    primary key (message_id, attempt));

create table live_blocks (
    message_id text not null references messages, idx integer not null, chat_id text not null references chats,
    attempt bigint not null, body text not null,
    primary key (message_id, idx));

create index live_blocks_of_chat on live_blocks (chat_id);

create table live_outputs (
    tool_call_id text primary key references tool_calls, chat_id text not null references chats, body text not null);

create index live_outputs_of_chat on live_outputs (chat_id);

create table chat_updates (
    chat_id text not null, sequence bigint not null, message_id text references messages, event text,
    primary key (chat_id, sequence));

create table user_updates (
    user_id text not null, sequence bigint not null, event text not null,
    primary key (user_id, sequence));

create table outbox (
    id text primary key, kind text not null, chat_id text not null references chats, created_at bigint not null,
    claimed_until bigint);

create index outbox_by_age on outbox (created_at, id);

alter table tool_calls add column instance_id text;

insert into schema_versions (version, applied_at) values (1, 1795339053441);

insert into schema_versions (version, applied_at) values (2, 1795339053442);

insert into schema_versions (version, applied_at) values (3, 1795339053443);

insert into users (id, issuer, subject, email, sequence, created_at) values ('usr_01a2028be9ff75eb9f55545b01d18440', 'test', 'ada', 'ada@example.com', 8, 1795339053567);

insert into personal_access_tokens (id, user_id, name, scope, prefix, hash, created_at, expires_at, revoked_at) values ('tok_01a2028bea3970d384e28bdccdf552f1', 'usr_01a2028be9ff75eb9f55545b01d18440', 'ci', 'daemon', 'rlnt_pat_ab', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1795339053625, null, null);

insert into daemons (id, user_id, name, labels, platform, version, epoch, gateway_id, instance_id, journal_id, start_count, connected, connected_at, last_seen_at, created_at) values ('dmn_01a2028bea5f73d284226dc6aee037c6', 'usr_01a2028be9ff75eb9f55545b01d18440', 'laptop', '{"os":"linux"}', 'linux-x64', '0.1.0', 1, 'gtw_01a2028bea5f73d5bba7aa0d2f025e80', 'ins_01a2028bea5f73d3b6a4a5997c446784', 'jrn_01a2028bea5f73d4a844b77efe53376e', 1, 1, 1795339053497, 1795339053497, 1795339053664);

insert into projects (id, user_id, name, path, created_at) values ('prj_01a2028bea4470b58232e149b82cc01f', 'usr_01a2028be9ff75eb9f55545b01d18440', 'shop', '/home/ada/shop', 1795339053635);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028beb4d734a9b1635cb81470711', 'usr_01a2028be9ff75eb9f55545b01d18440', null, 'A chat', 'scripted/test', null, 5, 2, 1, 2, 'run_01a2028bed3e7256be60482ebe2c72bd', 1795339053901, 1795339054672);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028bee5d7062803ee0fcf5afdaac', 'usr_01a2028be9ff75eb9f55545b01d18440', null, 'A chat', 'scripted/test', null, 3, 2, 1, 2, 'run_01a2028beea57200b782b7d0ffe7bdd7', 1795339054685, 1795339054754);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028bef3f7411b27df1c68bf707be', 'usr_01a2028be9ff75eb9f55545b01d18440', null, 'A chat', 'scripted/test', null, 9, 2, 1, 2, 'run_01a2028bef46745682f860d778ec739e', 1795339054911, 1795339054917);

insert into worktrees (id, project_id, chat_id, path, branch, created_at) values ('wkt_01a2028bec3273828fa8af090a1f471b', 'prj_01a2028bea4470b58232e149b82cc01f', 'chat_01a2028beb4d734a9b1635cb81470711', '/home/ada/shop-fix', 'fix', 1795339054129);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028bed3e7256be60482ebe2c72bd', 'chat_01a2028beb4d734a9b1635cb81470711', 'succeeded', 0, null, 1, 'msg_01a2028bee0b73e0a96a372e02484af7', null, 1795339054395, 1795339054672);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028beea57200b782b7d0ffe7bdd7', 'chat_01a2028bee5d7062803ee0fcf5afdaac', 'running', 0, null, 1, 'msg_01a2028beeb977358002dea94ea874b5', null, 1795339054754, null);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028bef46745682f860d778ec739e', 'chat_01a2028bef3f7411b27df1c68bf707be', 'running', 0, null, 1, 'msg_01a2028bef4b7254b612dfaf5e692dfa', null, 1795339054917, null);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bed3b76acad756427603f9e2b', 'chat_01a2028beb4d734a9b1635cb81470711', 'run_01a2028bed3e7256be60482ebe2c72bd', 1, 'user', 'complete', null, null, null, 0, 1795339054395);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bee0b73e0a96a372e02484af7', 'chat_01a2028beb4d734a9b1635cb81470711', 'run_01a2028bed3e7256be60482ebe2c72bd', 2, 'assistant', 'complete', 'scripted/test', null, null, 1, 1795339054604);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028beea27197b18cef94a3145273', 'chat_01a2028bee5d7062803ee0fcf5afdaac', 'run_01a2028beea57200b782b7d0ffe7bdd7', 1, 'user', 'complete', null, null, null, 0, 1795339054754);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028beeb977358002dea94ea874b5', 'chat_01a2028bee5d7062803ee0fcf5afdaac', 'run_01a2028beea57200b782b7d0ffe7bdd7', 2, 'assistant', 'open', 'scripted/test', null, null, 1, 1795339054777);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bef4573d1ba34f3e64b6edcb4', 'chat_01a2028bef3f7411b27df1c68bf707be', 'run_01a2028bef46745682f860d778ec739e', 1, 'user', 'complete', null, null, null, 0, 1795339054917);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bef4b7254b612dfaf5e692dfa', 'chat_01a2028bef3f7411b27df1c68bf707be', 'run_01a2028bef46745682f860d778ec739e', 2, 'assistant', 'complete', 'scripted/test', null, null, 1, 1795339054923);

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at, instance_id) values ('call_01a2028bef5472ee8017c45a8e263922', 'chat_01a2028bef3f7411b27df1c68bf707be', 'usr_01a2028be9ff75eb9f55545b01d18440', 'run_01a2028bef46745682f860d778ec739e', 'msg_01a2028bef4b7254b612dfaf5e692dfa', 0, 'shell', '{"command":"true"}', 'running', 'dmn_01a2028bea5f73d284226dc6aee037c6', 'jrn_01a2028bea5f73d4a844b77efe53376e', null, null, 0, 60000, 1795339173497, 1795339054932, 'ins_01a2028bea5f73d3b6a4a5997c446784');

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at, instance_id) values ('call_01a2028bef5472efa936257e298cc705', 'chat_01a2028bef3f7411b27df1c68bf707be', 'usr_01a2028be9ff75eb9f55545b01d18440', 'run_01a2028bef46745682f860d778ec739e', 'msg_01a2028bef4b7254b612dfaf5e692dfa', 1, 'shell', '{"command":"true"}', 'requested', null, null, null, null, 0, null, null, 1795339054932, null);

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bed3b76acad756427603f9e2b', 0, 'text', null, '{"kind":"text","text":"Hello; it''s Ada — ünï\ncode"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bee0b73e0a96a372e02484af7', 0, 'text', null, '{"kind":"text","text":"Hi, Ada"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028beea27197b18cef94a3145273', 0, 'text', null, '{"kind":"text","text":"a long story"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bef4573d1ba34f3e64b6edcb4', 0, 'text', null, '{"kind":"text","text":"use your tools"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bef4b7254b612dfaf5e692dfa', 0, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472ee8017c45a8e263922","providerCallId":"provider-call_01a2028bef5472ee8017c45a8e263922","name":"shell","input":{"command":"true"}}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bef4b7254b612dfaf5e692dfa', 1, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472efa936257e298cc705","providerCallId":"provider-call_01a2028bef5472efa936257e298cc705","name":"shell","input":{"command":"true"}}');

insert into approvals (id, chat_id, user_id, tool_call_id, state, reason, created_at, decided_at) values ('apr_01a2028bef6f70229a7f991eea749997', 'chat_01a2028bef3f7411b27df1c68bf707be', 'usr_01a2028be9ff75eb9f55545b01d18440', 'call_01a2028bef5472efa936257e298cc705', 'pending', null, 1795339054958, null);

insert into workflows (id, user_id, name, version, definition, created_at) values ('wfl_01a2028bef7873fcbf48de7ffaff7232', 'usr_01a2028be9ff75eb9f55545b01d18440', 'review', 1, '{"steps":["read","say"]}', 1795339054966);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028bee0b73e0a96a372e02484af7', 1, 'run_01a2028bed3e7256be60482ebe2c72bd', null, null, 1795339054604, 1795339054672);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028beeb977358002dea94ea874b5', 1, 'run_01a2028beea57200b782b7d0ffe7bdd7', null, null, 1795339054777, null);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028bef4b7254b612dfaf5e692dfa', 1, 'run_01a2028bef46745682f860d778ec739e', null, null, 1795339054923, 1795339054932);

insert into live_blocks (message_id, idx, chat_id, attempt, body) values ('msg_01a2028beeb977358002dea94ea874b5', 0, 'chat_01a2028bee5d7062803ee0fcf5afdaac', 1, '{"chatId":"chat_01a2028bee5d7062803ee0fcf5afdaac","messageId":"msg_01a2028beeb977358002dea94ea874b5","blockIndex":0,"blockKind":"text","attempt":1,"text":"Once"}');

insert into live_outputs (tool_call_id, chat_id, body) values ('call_01a2028bef5472ee8017c45a8e263922', 'chat_01a2028bef3f7411b27df1c68bf707be', '{"chatId":"chat_01a2028bef3f7411b27df1c68bf707be","toolCallId":"call_01a2028bef5472ee8017c45a8e263922","channel":"stdout","offset":0,"data":"b3V0","gapBytes":0}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028beb4d734a9b1635cb81470711', 1, 'msg_01a2028bed3b76acad756427603f9e2b', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028beb4d734a9b1635cb81470711', 2, null, '{"kind":"run","run":{"id":"run_01a2028bed3e7256be60482ebe2c72bd","chatId":"chat_01a2028beb4d734a9b1635cb81470711","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339054395}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028beb4d734a9b1635cb81470711', 3, null, '{"kind":"attempt_started","messageId":"msg_01a2028bee0b73e0a96a372e02484af7","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028beb4d734a9b1635cb81470711', 4, 'msg_01a2028bee0b73e0a96a372e02484af7', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028beb4d734a9b1635cb81470711', 5, null, '{"kind":"run","run":{"id":"run_01a2028bed3e7256be60482ebe2c72bd","chatId":"chat_01a2028beb4d734a9b1635cb81470711","state":"succeeded","cancelRequested":false,"modelCalls":1,"startedAtMs":1795339054395,"endedAtMs":1795339054672}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bee5d7062803ee0fcf5afdaac', 1, 'msg_01a2028beea27197b18cef94a3145273', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bee5d7062803ee0fcf5afdaac', 2, null, '{"kind":"run","run":{"id":"run_01a2028beea57200b782b7d0ffe7bdd7","chatId":"chat_01a2028bee5d7062803ee0fcf5afdaac","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339054754}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bee5d7062803ee0fcf5afdaac', 3, null, '{"kind":"attempt_started","messageId":"msg_01a2028beeb977358002dea94ea874b5","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 1, 'msg_01a2028bef4573d1ba34f3e64b6edcb4', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 2, null, '{"kind":"run","run":{"id":"run_01a2028bef46745682f860d778ec739e","chatId":"chat_01a2028bef3f7411b27df1c68bf707be","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339054917}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 3, null, '{"kind":"attempt_started","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 4, 'msg_01a2028bef4b7254b612dfaf5e692dfa', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 5, null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472ee8017c45a8e263922","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 6, null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472efa936257e298cc705","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 7, null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472ee8017c45a8e263922","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","name":"shell","state":"dispatched","daemonId":"dmn_01a2028bea5f73d284226dc6aee037c6"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 8, null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472ee8017c45a8e263922","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","name":"shell","state":"running","daemonId":"dmn_01a2028bea5f73d284226dc6aee037c6"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bef3f7411b27df1c68bf707be', 9, null, '{"kind":"tool_call","toolCallId":"call_01a2028bef5472efa936257e298cc705","messageId":"msg_01a2028bef4b7254b612dfaf5e692dfa","name":"shell","state":"requested"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 1, '{"kind":"daemon_changed","daemonId":"dmn_01a2028bea5f73d284226dc6aee037c6"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 2, '{"kind":"chat_changed","chatId":"chat_01a2028beb4d734a9b1635cb81470711"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 3, '{"kind":"chat_changed","chatId":"chat_01a2028beb4d734a9b1635cb81470711"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 4, '{"kind":"chat_changed","chatId":"chat_01a2028beb4d734a9b1635cb81470711"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 5, '{"kind":"chat_changed","chatId":"chat_01a2028bee5d7062803ee0fcf5afdaac"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 6, '{"kind":"chat_changed","chatId":"chat_01a2028bee5d7062803ee0fcf5afdaac"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 7, '{"kind":"chat_changed","chatId":"chat_01a2028bef3f7411b27df1c68bf707be"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028be9ff75eb9f55545b01d18440', 8, '{"kind":"chat_changed","chatId":"chat_01a2028bef3f7411b27df1c68bf707be"}');

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028bed3e7257b062ceaf7d2a763c', 'wake', 'chat_01a2028beb4d734a9b1635cb81470711', 1795339054395, null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028beea57201b31d7f666c8744cf', 'wake', 'chat_01a2028bee5d7062803ee0fcf5afdaac', 1795339054754, null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028bef467457ac7897b252928a7a', 'wake', 'chat_01a2028bef3f7411b27df1c68bf707be', 1795339054917, null);
