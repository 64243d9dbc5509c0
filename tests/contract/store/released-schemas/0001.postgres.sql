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

insert into schema_versions (version, applied_at) values ('1', '1795287628004');

insert into users (id, issuer, subject, email, sequence, created_at) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'test', 'ada', 'ada@example.com', '8', '1795287628364');

insert into personal_access_tokens (id, user_id, name, scope, prefix, hash, created_at, expires_at, revoked_at) values ('tok_01a1ff7b3a577786905709d82e57cefe', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'ci', 'daemon', 'rlnt_pat_ab', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '1795287628375', null, null);

insert into daemons (id, user_id, name, labels, platform, version, epoch, gateway_id, instance_id, journal_id, start_count, connected, connected_at, last_seen_at, created_at) values ('dmn_01a1ff7b3a7176e4bb18fa7d8d3a0faa', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'laptop', '{"os":"linux"}', 'linux-x64', '0.1.0', '1', 'gtw_01a1ff7b3a727196ac11b05afcf7e56b', 'ins_01a1ff7b3a7176e5ad86d9d831a455c1', 'jrn_01a1ff7b3a7176e69533b4e3924d0019', '1', 1, '1795287628345', '1795287628345', '1795287628403');

insert into projects (id, user_id, name, path, created_at) values ('prj_01a1ff7b3a6677b4828822d4ed7a6678', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'shop', '/home/ada/shop', '1795287628389');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', null, 'A chat', 'scripted/test', null, '5', '2', '1', '2', 'run_01a1ff7b3ad57308a4a86254acfd78d8', '1795287628456', '1795287628583');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b3b4a76de806a4a100b9bdd07', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', null, 'A chat', 'scripted/test', null, '3', '2', '1', '2', 'run_01a1ff7b3b58717c9feb41ba8fa427cd', '1795287628619', '1795287628628');

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', null, 'A chat', 'scripted/test', null, '9', '2', '1', '2', 'run_01a1ff7b3b86721ea0741b23ac5b481e', '1795287628672', '1795287628677');

insert into worktrees (id, project_id, chat_id, path, branch, created_at) values ('wkt_01a1ff7b3ac770738f8a73297bdb92f6', 'prj_01a1ff7b3a6677b4828822d4ed7a6678', 'chat_01a1ff7b3aa872a686f77100b61a76bb', '/home/ada/shop-fix', 'fix', '1795287628478');

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b3ad57308a4a86254acfd78d8', 'chat_01a1ff7b3aa872a686f77100b61a76bb', 'succeeded', 0, null, '1', 'msg_01a1ff7b3af577a19042b6c263304001', null, '1795287628493', '1795287628583');

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b3b58717c9feb41ba8fa427cd', 'chat_01a1ff7b3b4a76de806a4a100b9bdd07', 'running', 0, null, '1', 'msg_01a1ff7b3b6e7444920efe8fab963646', null, '1795287628628', null);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b3b86721ea0741b23ac5b481e', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'running', 0, null, '1', 'msg_01a1ff7b3b9176e19fe0854d023cb084', null, '1795287628677', null);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3acd7144b60b307d7210e925', 'chat_01a1ff7b3aa872a686f77100b61a76bb', 'run_01a1ff7b3ad57308a4a86254acfd78d8', '1', 'user', 'complete', null, null, null, '0', '1795287628493');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3af577a19042b6c263304001', 'chat_01a1ff7b3aa872a686f77100b61a76bb', 'run_01a1ff7b3ad57308a4a86254acfd78d8', '2', 'assistant', 'complete', 'scripted/test', null, null, '1', '1795287628533');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3b54742fb26aa7bae79da5a2', 'chat_01a1ff7b3b4a76de806a4a100b9bdd07', 'run_01a1ff7b3b58717c9feb41ba8fa427cd', '1', 'user', 'complete', null, null, null, '0', '1795287628628');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3b6e7444920efe8fab963646', 'chat_01a1ff7b3b4a76de806a4a100b9bdd07', 'run_01a1ff7b3b58717c9feb41ba8fa427cd', '2', 'assistant', 'open', 'scripted/test', null, null, '1', '1795287628654');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3b85720f8feb15bda952e12a', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'run_01a1ff7b3b86721ea0741b23ac5b481e', '1', 'user', 'complete', null, null, null, '0', '1795287628677');

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b3b9176e19fe0854d023cb084', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'run_01a1ff7b3b86721ea0741b23ac5b481e', '2', 'assistant', 'complete', 'scripted/test', null, null, '1', '1795287628689');

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at) values ('call_01a1ff7b3bb874c69406a2d2b0ff336f', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'run_01a1ff7b3b86721ea0741b23ac5b481e', 'msg_01a1ff7b3b9176e19fe0854d023cb084', 1, 'shell', '{"command":"true"}', 'requested', null, null, null, null, 0, null, null, '1795287628729');

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at) values ('call_01a1ff7b3bb874c5a64899232a76da52', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'run_01a1ff7b3b86721ea0741b23ac5b481e', 'msg_01a1ff7b3b9176e19fe0854d023cb084', 0, 'shell', '{"command":"true"}', 'running', 'dmn_01a1ff7b3a7176e4bb18fa7d8d3a0faa', 'jrn_01a1ff7b3a7176e69533b4e3924d0019', null, null, 0, '60000', '1795287748345', '1795287628729');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3acd7144b60b307d7210e925', 0, 'text', null, '{"kind":"text","text":"Hello; it''s Ada — ünï\ncode"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3af577a19042b6c263304001', 0, 'text', null, '{"kind":"text","text":"Hi, Ada"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3b54742fb26aa7bae79da5a2', 0, 'text', null, '{"kind":"text","text":"a long story"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3b85720f8feb15bda952e12a', 0, 'text', null, '{"kind":"text","text":"use your tools"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3b9176e19fe0854d023cb084', 0, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c5a64899232a76da52","providerCallId":"provider-call_01a1ff7b3bb874c5a64899232a76da52","name":"shell","input":{"command":"true"}}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b3b9176e19fe0854d023cb084', 1, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c69406a2d2b0ff336f","providerCallId":"provider-call_01a1ff7b3bb874c69406a2d2b0ff336f","name":"shell","input":{"command":"true"}}');

insert into approvals (id, chat_id, user_id, tool_call_id, state, reason, created_at, decided_at) values ('apr_01a1ff7b3bf6726dbe7c3299a1cb5548', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'call_01a1ff7b3bb874c69406a2d2b0ff336f', 'pending', null, '1795287628784', null);

insert into workflows (id, user_id, name, version, definition, created_at) values ('wfl_01a1ff7b3c22725db77bbfaf65ecd224', 'usr_01a1ff7b3a4e7261a5a4a6911528fa93', 'review', '1', '{"steps":["read","say"]}', '1795287628826');

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b3af577a19042b6c263304001', '1', 'run_01a1ff7b3ad57308a4a86254acfd78d8', null, null, '1795287628533', '1795287628583');

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b3b6e7444920efe8fab963646', '1', 'run_01a1ff7b3b58717c9feb41ba8fa427cd', null, null, '1795287628654', null);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b3b9176e19fe0854d023cb084', '1', 'run_01a1ff7b3b86721ea0741b23ac5b481e', null, null, '1795287628689', '1795287628729');

insert into live_blocks (message_id, idx, chat_id, attempt, body) values ('msg_01a1ff7b3b6e7444920efe8fab963646', 0, 'chat_01a1ff7b3b4a76de806a4a100b9bdd07', '1', '{"chatId":"chat_01a1ff7b3b4a76de806a4a100b9bdd07","messageId":"msg_01a1ff7b3b6e7444920efe8fab963646","blockIndex":0,"blockKind":"text","attempt":1,"text":"Once"}');

insert into live_outputs (tool_call_id, chat_id, body) values ('call_01a1ff7b3bb874c5a64899232a76da52', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', '{"chatId":"chat_01a1ff7b3b8073c095d26b46ef5f5398","toolCallId":"call_01a1ff7b3bb874c5a64899232a76da52","channel":"stdout","offset":0,"data":"b3V0","gapBytes":0}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', '1', 'msg_01a1ff7b3acd7144b60b307d7210e925', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', '2', null, '{"kind":"run","run":{"id":"run_01a1ff7b3ad57308a4a86254acfd78d8","chatId":"chat_01a1ff7b3aa872a686f77100b61a76bb","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287628493}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', '3', null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b3af577a19042b6c263304001","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', '4', 'msg_01a1ff7b3af577a19042b6c263304001', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3aa872a686f77100b61a76bb', '5', null, '{"kind":"run","run":{"id":"run_01a1ff7b3ad57308a4a86254acfd78d8","chatId":"chat_01a1ff7b3aa872a686f77100b61a76bb","state":"succeeded","cancelRequested":false,"modelCalls":1,"startedAtMs":1795287628493,"endedAtMs":1795287628583}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b4a76de806a4a100b9bdd07', '1', 'msg_01a1ff7b3b54742fb26aa7bae79da5a2', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b4a76de806a4a100b9bdd07', '2', null, '{"kind":"run","run":{"id":"run_01a1ff7b3b58717c9feb41ba8fa427cd","chatId":"chat_01a1ff7b3b4a76de806a4a100b9bdd07","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287628628}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b4a76de806a4a100b9bdd07', '3', null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b3b6e7444920efe8fab963646","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '1', 'msg_01a1ff7b3b85720f8feb15bda952e12a', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '2', null, '{"kind":"run","run":{"id":"run_01a1ff7b3b86721ea0741b23ac5b481e","chatId":"chat_01a1ff7b3b8073c095d26b46ef5f5398","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287628677}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '3', null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '4', 'msg_01a1ff7b3b9176e19fe0854d023cb084', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '5', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c5a64899232a76da52","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '6', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c69406a2d2b0ff336f","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '7', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c5a64899232a76da52","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","name":"shell","state":"dispatched","daemonId":"dmn_01a1ff7b3a7176e4bb18fa7d8d3a0faa"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '8', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c5a64899232a76da52","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","name":"shell","state":"running","daemonId":"dmn_01a1ff7b3a7176e4bb18fa7d8d3a0faa"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b3b8073c095d26b46ef5f5398', '9', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b3bb874c69406a2d2b0ff336f","messageId":"msg_01a1ff7b3b9176e19fe0854d023cb084","name":"shell","state":"requested"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '1', '{"kind":"daemon_changed","daemonId":"dmn_01a1ff7b3a7176e4bb18fa7d8d3a0faa"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '2', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3aa872a686f77100b61a76bb"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '3', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3aa872a686f77100b61a76bb"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '4', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3aa872a686f77100b61a76bb"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '5', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3b4a76de806a4a100b9bdd07"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '6', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3b4a76de806a4a100b9bdd07"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '7', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3b8073c095d26b46ef5f5398"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b3a4e7261a5a4a6911528fa93', '8', '{"kind":"chat_changed","chatId":"chat_01a1ff7b3b8073c095d26b46ef5f5398"}');

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b3add7613a0d0c2aaa5a20215', 'wake', 'chat_01a1ff7b3aa872a686f77100b61a76bb', '1795287628493', null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b3b63741696d5a847b505b846', 'wake', 'chat_01a1ff7b3b4a76de806a4a100b9bdd07', '1795287628628', null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b3b897170acbae23cc50bade4', 'wake', 'chat_01a1ff7b3b8073c095d26b46ef5f5398', '1795287628677', null);
