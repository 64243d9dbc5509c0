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

alter table daemons set (fillfactor = 50);

alter table tool_calls add column instance_id text;

insert into schema_versions (version, applied_at) values ('1', '1795339058381');

insert into schema_versions (version, applied_at) values ('2', '1795339058385');

insert into schema_versions (version, applied_at) values ('3', '1795339058387');

insert into users (id, issuer, subject, email, sequence, created_at) values ('usr_01a2028bfded7526a93854f68c56beff', 'test', 'ada', 'ada@example.com', '8', '1795339058669');

insert into personal_access_tokens (id, user_id, name, scope, prefix, hash, created_at, expires_at, revoked_at) values ('tok_01a2028bfe01718f98456c69186bd519', 'usr_01a2028bfded7526a93854f68c56beff', 'ci', 'daemon', 'rlnt_pat_ab', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '1795339058689', null, null);

insert into daemons (id, user_id, name, labels, platform, version, epoch, gateway_id, instance_id, journal_id, start_count, connected, connected_at, last_seen_at, created_at) values ('dmn_01a2028bfe14730aa005afebd2a69a64', 'usr_01a2028bfded7526a93854f68c56beff', 'laptop', '{"os":"linux"}', 'linux-x64', '0.1.0', '1', 'gtw_01a2028bfe14730d87163a52fce81194', 'ins_01a2028bfe14730bb23fb67aea99cf78', 'jrn_01a2028bfe14730cbd3dd06074421c61', '1', 1, '1795339058628', '1795339058628', '1795339058709');

insert into projects (id, user_id, name, path, created_at) values ('prj_01a2028bfe0d7369a4ef37eaf06d01b3', 'usr_01a2028bfded7526a93854f68c56beff', 'shop', '/home/ada/shop', '1795339058701');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028bfe3574bdb699148e5e1cd355', 'usr_01a2028bfded7526a93854f68c56beff', null, 'A chat', 'scripted/test', null, '5', '2', '1', '2', 'run_01a2028bfe4d77c19514021504d1ea8b', '1795339058741', '1795339058824');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028bfe9970fbaa8a795059475a89', 'usr_01a2028bfded7526a93854f68c56beff', null, 'A chat', 'scripted/test', null, '3', '2', '1', '2', 'run_01a2028bfea07181b919a4b3895506c5', '1795339058841', '1795339058846');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', 'usr_01a2028bfded7526a93854f68c56beff', null, 'A chat', 'scripted/test', null, '9', '2', '1', '2', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', '1795339058941', '1795339058953');

insert into worktrees (id, project_id, chat_id, path, branch, created_at) values ('wkt_01a2028bfe44701ba816ef9e60e6e1dd', 'prj_01a2028bfe0d7369a4ef37eaf06d01b3', 'chat_01a2028bfe3574bdb699148e5e1cd355', '/home/ada/shop-fix', 'fix', '1795339058754');

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028bfe4d77c19514021504d1ea8b', 'chat_01a2028bfe3574bdb699148e5e1cd355', 'succeeded', 0, null, '1', 'msg_01a2028bfe5672d999bf4b6ba2c0d924', null, '1795339058759', '1795339058824');

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028bfea07181b919a4b3895506c5', 'chat_01a2028bfe9970fbaa8a795059475a89', 'running', 0, null, '1', 'msg_01a2028bfea57531a1e89b545af0d42f', null, '1795339058846', null);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a2028bff0a7439b4e74aa7b2d7ef97', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'running', 0, null, '1', 'msg_01a2028bff0c70348b226991608ce887', null, '1795339058953', null);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bfe477214b09aef530e1cd71f', 'chat_01a2028bfe3574bdb699148e5e1cd355', 'run_01a2028bfe4d77c19514021504d1ea8b', '1', 'user', 'complete', null, null, null, '0', '1795339058759');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bfe5672d999bf4b6ba2c0d924', 'chat_01a2028bfe3574bdb699148e5e1cd355', 'run_01a2028bfe4d77c19514021504d1ea8b', '2', 'assistant', 'complete', 'scripted/test', null, null, '1', '1795339058774');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bfe9d76ca8181ecb88ba47592', 'chat_01a2028bfe9970fbaa8a795059475a89', 'run_01a2028bfea07181b919a4b3895506c5', '1', 'user', 'complete', null, null, null, '0', '1795339058846');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bfea57531a1e89b545af0d42f', 'chat_01a2028bfe9970fbaa8a795059475a89', 'run_01a2028bfea07181b919a4b3895506c5', '2', 'assistant', 'open', 'scripted/test', null, null, '1', '1795339058853');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bff09770e86ccbd2b1cf975ad', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', '1', 'user', 'complete', null, null, null, '0', '1795339058953');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a2028bff0c70348b226991608ce887', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', '2', 'assistant', 'complete', 'scripted/test', null, null, '1', '1795339058956');

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at, instance_id) values ('call_01a2028bff1d731c83cd70730a9009a1', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'usr_01a2028bfded7526a93854f68c56beff', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', 'msg_01a2028bff0c70348b226991608ce887', 1, 'shell', '{"command":"true"}', 'requested', null, null, null, null, 0, null, null, '1795339058973', null);

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at, instance_id) values ('call_01a2028bff1d731b943dce1b952b3418', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'usr_01a2028bfded7526a93854f68c56beff', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', 'msg_01a2028bff0c70348b226991608ce887', 0, 'shell', '{"command":"true"}', 'running', 'dmn_01a2028bfe14730aa005afebd2a69a64', 'jrn_01a2028bfe14730cbd3dd06074421c61', null, null, 0, '60000', '1795339178628', '1795339058973', 'ins_01a2028bfe14730bb23fb67aea99cf78');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bfe477214b09aef530e1cd71f', 0, 'text', null, '{"kind":"text","text":"Hello; it''s Ada — ünï\ncode"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bfe5672d999bf4b6ba2c0d924', 0, 'text', null, '{"kind":"text","text":"Hi, Ada"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bfe9d76ca8181ecb88ba47592', 0, 'text', null, '{"kind":"text","text":"a long story"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bff09770e86ccbd2b1cf975ad', 0, 'text', null, '{"kind":"text","text":"use your tools"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bff0c70348b226991608ce887', 0, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731b943dce1b952b3418","providerCallId":"provider-call_01a2028bff1d731b943dce1b952b3418","name":"shell","input":{"command":"true"}}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a2028bff0c70348b226991608ce887', 1, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731c83cd70730a9009a1","providerCallId":"provider-call_01a2028bff1d731c83cd70730a9009a1","name":"shell","input":{"command":"true"}}');

insert into approvals (id, chat_id, user_id, tool_call_id, state, reason, created_at, decided_at) values ('apr_01a2028bff34713993d35013e539d26a', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', 'usr_01a2028bfded7526a93854f68c56beff', 'call_01a2028bff1d731c83cd70730a9009a1', 'pending', null, '1795339058992', null);

insert into workflows (id, user_id, name, version, definition, created_at) values ('wfl_01a2028bff3e764fa6d74c1871c2d471', 'usr_01a2028bfded7526a93854f68c56beff', 'review', '1', '{"steps":["read","say"]}', '1795339059002');

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028bfe5672d999bf4b6ba2c0d924', '1', 'run_01a2028bfe4d77c19514021504d1ea8b', null, null, '1795339058774', '1795339058824');

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028bfea57531a1e89b545af0d42f', '1', 'run_01a2028bfea07181b919a4b3895506c5', null, null, '1795339058853', null);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a2028bff0c70348b226991608ce887', '1', 'run_01a2028bff0a7439b4e74aa7b2d7ef97', null, null, '1795339058956', '1795339058973');

insert into live_blocks (message_id, idx, chat_id, attempt, body) values ('msg_01a2028bfea57531a1e89b545af0d42f', 0, 'chat_01a2028bfe9970fbaa8a795059475a89', '1', '{"chatId":"chat_01a2028bfe9970fbaa8a795059475a89","messageId":"msg_01a2028bfea57531a1e89b545af0d42f","blockIndex":0,"blockKind":"text","attempt":1,"text":"Once"}');

insert into live_outputs (tool_call_id, chat_id, body) values ('call_01a2028bff1d731b943dce1b952b3418', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', '{"chatId":"chat_01a2028bfefd77eda55ddc4c7705b3ed","toolCallId":"call_01a2028bff1d731b943dce1b952b3418","channel":"stdout","offset":0,"data":"b3V0","gapBytes":0}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe3574bdb699148e5e1cd355', '2', null, '{"kind":"run","run":{"id":"run_01a2028bfe4d77c19514021504d1ea8b","chatId":"chat_01a2028bfe3574bdb699148e5e1cd355","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339058759}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe3574bdb699148e5e1cd355', '1', 'msg_01a2028bfe477214b09aef530e1cd71f', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe3574bdb699148e5e1cd355', '3', null, '{"kind":"attempt_started","messageId":"msg_01a2028bfe5672d999bf4b6ba2c0d924","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe3574bdb699148e5e1cd355', '4', 'msg_01a2028bfe5672d999bf4b6ba2c0d924', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe3574bdb699148e5e1cd355', '5', null, '{"kind":"run","run":{"id":"run_01a2028bfe4d77c19514021504d1ea8b","chatId":"chat_01a2028bfe3574bdb699148e5e1cd355","state":"succeeded","cancelRequested":false,"modelCalls":1,"startedAtMs":1795339058759,"endedAtMs":1795339058824}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe9970fbaa8a795059475a89', '2', null, '{"kind":"run","run":{"id":"run_01a2028bfea07181b919a4b3895506c5","chatId":"chat_01a2028bfe9970fbaa8a795059475a89","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339058846}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe9970fbaa8a795059475a89', '1', 'msg_01a2028bfe9d76ca8181ecb88ba47592', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfe9970fbaa8a795059475a89', '3', null, '{"kind":"attempt_started","messageId":"msg_01a2028bfea57531a1e89b545af0d42f","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '2', null, '{"kind":"run","run":{"id":"run_01a2028bff0a7439b4e74aa7b2d7ef97","chatId":"chat_01a2028bfefd77eda55ddc4c7705b3ed","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795339058953}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '1', 'msg_01a2028bff09770e86ccbd2b1cf975ad', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '3', null, '{"kind":"attempt_started","messageId":"msg_01a2028bff0c70348b226991608ce887","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '4', 'msg_01a2028bff0c70348b226991608ce887', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '5', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731b943dce1b952b3418","messageId":"msg_01a2028bff0c70348b226991608ce887","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '6', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731c83cd70730a9009a1","messageId":"msg_01a2028bff0c70348b226991608ce887","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '7', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731b943dce1b952b3418","messageId":"msg_01a2028bff0c70348b226991608ce887","name":"shell","state":"dispatched","daemonId":"dmn_01a2028bfe14730aa005afebd2a69a64"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '8', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731b943dce1b952b3418","messageId":"msg_01a2028bff0c70348b226991608ce887","name":"shell","state":"running","daemonId":"dmn_01a2028bfe14730aa005afebd2a69a64"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a2028bfefd77eda55ddc4c7705b3ed', '9', null, '{"kind":"tool_call","toolCallId":"call_01a2028bff1d731c83cd70730a9009a1","messageId":"msg_01a2028bff0c70348b226991608ce887","name":"shell","state":"requested"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '1', '{"kind":"daemon_changed","daemonId":"dmn_01a2028bfe14730aa005afebd2a69a64"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '2', '{"kind":"chat_changed","chatId":"chat_01a2028bfe3574bdb699148e5e1cd355"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '3', '{"kind":"chat_changed","chatId":"chat_01a2028bfe3574bdb699148e5e1cd355"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '4', '{"kind":"chat_changed","chatId":"chat_01a2028bfe3574bdb699148e5e1cd355"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '5', '{"kind":"chat_changed","chatId":"chat_01a2028bfe9970fbaa8a795059475a89"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '6', '{"kind":"chat_changed","chatId":"chat_01a2028bfe9970fbaa8a795059475a89"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '7', '{"kind":"chat_changed","chatId":"chat_01a2028bfefd77eda55ddc4c7705b3ed"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a2028bfded7526a93854f68c56beff', '8', '{"kind":"chat_changed","chatId":"chat_01a2028bfefd77eda55ddc4c7705b3ed"}');

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028bfe4d77c288a71317f8db78eb', 'wake', 'chat_01a2028bfe3574bdb699148e5e1cd355', '1795339058759', null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028bfea071828ea76042926e2242', 'wake', 'chat_01a2028bfe9970fbaa8a795059475a89', '1795339058846', null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a2028bff0a743abe3c80287caae5a4', 'wake', 'chat_01a2028bfefd77eda55ddc4c7705b3ed', '1795339058953', null);
