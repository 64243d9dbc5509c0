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

insert into schema_versions (version, applied_at) values (1, 1795287625240);

insert into users (id, issuer, subject, email, sequence, created_at) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 'test', 'ada', 'ada@example.com', 8, 1795287625296);

insert into personal_access_tokens (id, user_id, name, scope, prefix, hash, created_at, expires_at, revoked_at) values ('tok_01a1ff7b2e5c7085a2376e71dedfe092', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'ci', 'daemon', 'rlnt_pat_ab', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1795287625308, null, null);

insert into daemons (id, user_id, name, labels, platform, version, epoch, gateway_id, instance_id, journal_id, start_count, connected, connected_at, last_seen_at, created_at) values ('dmn_01a1ff7b2e68758597e0d0d065eb822a', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'laptop', '{"os":"linux"}', 'linux-x64', '0.1.0', 1, 'gtw_01a1ff7b2e687588bf4578c2c7b8a811', 'ins_01a1ff7b2e687586a8bcec7cf907bce2', 'jrn_01a1ff7b2e687587b42a3bb6264c6f0b', 1, 1, 1795287625288, 1795287625288, 1795287625320);

insert into projects (id, user_id, name, path, created_at) values ('prj_01a1ff7b2e6677d598e8225cf8b91a3c', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'shop', '/home/ada/shop', 1795287625318);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', null, 'A chat', 'scripted/test', null, 5, 2, 1, 2, 'run_01a1ff7b2e83776d8a7b06ea49ab07c7', 1795287625325, 1795287625392);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b2ec1701994c7eb691c19c203', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', null, 'A chat', 'scripted/test', null, 3, 2, 1, 2, 'run_01a1ff7b2ecb703382f783237145b610', 1795287625409, 1795287625418);

insert into chats (id, user_id, project_id, title, model, daemon_id, sequence, last_position, user_position, answer_position, run_id, created_at, updated_at) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', null, 'A chat', 'scripted/test', null, 9, 2, 1, 2, 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', 1795287625447, 1795287625449);

insert into worktrees (id, project_id, chat_id, path, branch, created_at) values ('wkt_01a1ff7b2e76706ba33bad9e6a87741d', 'prj_01a1ff7b2e6677d598e8225cf8b91a3c', 'chat_01a1ff7b2e6d716eb3a50f65d99882a7', '/home/ada/shop-fix', 'fix', 1795287625333);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b2e83776d8a7b06ea49ab07c7', 'chat_01a1ff7b2e6d716eb3a50f65d99882a7', 'succeeded', 0, null, 1, 'msg_01a1ff7b2e9670a4bedf0b76d22dd31a', null, 1795287625339, 1795287625392);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b2ecb703382f783237145b610', 'chat_01a1ff7b2ec1701994c7eb691c19c203', 'running', 0, null, 1, 'msg_01a1ff7b2ed471708d930eb482cdf53f', null, 1795287625418, null);

insert into runs (id, chat_id, state, cancel_requested, cancel_position, model_calls, answer_id, error, started_at, ended_at) values ('run_01a1ff7b2eeb7732ac22bd28ce3c235d', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'running', 0, null, 1, 'msg_01a1ff7b2ef3712ca23ea00468a39478', null, 1795287625449, null);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2e7b7222b96b01d45f4fe81e', 'chat_01a1ff7b2e6d716eb3a50f65d99882a7', 'run_01a1ff7b2e83776d8a7b06ea49ab07c7', 1, 'user', 'complete', null, null, null, 0, 1795287625339);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2e9670a4bedf0b76d22dd31a', 'chat_01a1ff7b2e6d716eb3a50f65d99882a7', 'run_01a1ff7b2e83776d8a7b06ea49ab07c7', 2, 'assistant', 'complete', 'scripted/test', null, null, 1, 1795287625366);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2eca77b0804a624e20e1ec4c', 'chat_01a1ff7b2ec1701994c7eb691c19c203', 'run_01a1ff7b2ecb703382f783237145b610', 1, 'user', 'complete', null, null, null, 0, 1795287625418);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2ed471708d930eb482cdf53f', 'chat_01a1ff7b2ec1701994c7eb691c19c203', 'run_01a1ff7b2ecb703382f783237145b610', 2, 'assistant', 'open', 'scripted/test', null, null, 1, 1795287625428);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2ee976bd8ce197ad3882291d', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', 1, 'user', 'complete', null, null, null, 0, 1795287625449);

insert into messages (id, chat_id, run_id, position, role, state, model, usage, error, attempt, created_at) values ('msg_01a1ff7b2ef3712ca23ea00468a39478', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', 2, 'assistant', 'complete', 'scripted/test', null, null, 1, 1795287625459);

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at) values ('call_01a1ff7b2efe76a7920c1188c2f0b514', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', 'msg_01a1ff7b2ef3712ca23ea00468a39478', 0, 'shell', '{"command":"true"}', 'running', 'dmn_01a1ff7b2e68758597e0d0d065eb822a', 'jrn_01a1ff7b2e687587b42a3bb6264c6f0b', null, null, 0, 60000, 1795287745288, 1795287625470);

insert into tool_calls (id, chat_id, user_id, run_id, message_id, idx, name, input, state, daemon_id, journal_id, result, evidence, delivered, timeout_ms, deadline_at, created_at) values ('call_01a1ff7b2efe76a8acebbf3d7483c1e1', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', 'msg_01a1ff7b2ef3712ca23ea00468a39478', 1, 'shell', '{"command":"true"}', 'requested', null, null, null, null, 0, null, null, 1795287625470);

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2e7b7222b96b01d45f4fe81e', 0, 'text', null, '{"kind":"text","text":"Hello; it''s Ada — ünï\ncode"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2e9670a4bedf0b76d22dd31a', 0, 'text', null, '{"kind":"text","text":"Hi, Ada"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2eca77b0804a624e20e1ec4c', 0, 'text', null, '{"kind":"text","text":"a long story"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2ee976bd8ce197ad3882291d', 0, 'text', null, '{"kind":"text","text":"use your tools"}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2ef3712ca23ea00468a39478', 0, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a7920c1188c2f0b514","providerCallId":"provider-call_01a1ff7b2efe76a7920c1188c2f0b514","name":"shell","input":{"command":"true"}}');

insert into content_blocks (message_id, idx, kind, tool_call_id, body) values ('msg_01a1ff7b2ef3712ca23ea00468a39478', 1, 'tool_call', null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a8acebbf3d7483c1e1","providerCallId":"provider-call_01a1ff7b2efe76a8acebbf3d7483c1e1","name":"shell","input":{"command":"true"}}');

insert into approvals (id, chat_id, user_id, tool_call_id, state, reason, created_at, decided_at) values ('apr_01a1ff7b2f1e74128b3c9b2faa7e528c', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'call_01a1ff7b2efe76a8acebbf3d7483c1e1', 'pending', null, 1795287625499, null);

insert into workflows (id, user_id, name, version, definition, created_at) values ('wfl_01a1ff7b2f2a75ebb5bc45bd9e21fd5d', 'usr_01a1ff7b2e50759f96e857ef191a4a3f', 'review', 1, '{"steps":["read","say"]}', 1795287625514);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b2e9670a4bedf0b76d22dd31a', 1, 'run_01a1ff7b2e83776d8a7b06ea49ab07c7', null, null, 1795287625366, 1795287625392);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b2ed471708d930eb482cdf53f', 1, 'run_01a1ff7b2ecb703382f783237145b610', null, null, 1795287625428, null);

insert into model_attempts (message_id, attempt, run_id, usage, error, started_at, ended_at) values ('msg_01a1ff7b2ef3712ca23ea00468a39478', 1, 'run_01a1ff7b2eeb7732ac22bd28ce3c235d', null, null, 1795287625459, 1795287625470);

insert into live_blocks (message_id, idx, chat_id, attempt, body) values ('msg_01a1ff7b2ed471708d930eb482cdf53f', 0, 'chat_01a1ff7b2ec1701994c7eb691c19c203', 1, '{"chatId":"chat_01a1ff7b2ec1701994c7eb691c19c203","messageId":"msg_01a1ff7b2ed471708d930eb482cdf53f","blockIndex":0,"blockKind":"text","attempt":1,"text":"Once"}');

insert into live_outputs (tool_call_id, chat_id, body) values ('call_01a1ff7b2efe76a7920c1188c2f0b514', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', '{"chatId":"chat_01a1ff7b2ee774f280ca7b6437aedf73","toolCallId":"call_01a1ff7b2efe76a7920c1188c2f0b514","channel":"stdout","offset":0,"data":"b3V0","gapBytes":0}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 1, 'msg_01a1ff7b2e7b7222b96b01d45f4fe81e', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 2, null, '{"kind":"run","run":{"id":"run_01a1ff7b2e83776d8a7b06ea49ab07c7","chatId":"chat_01a1ff7b2e6d716eb3a50f65d99882a7","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287625339}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 3, null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b2e9670a4bedf0b76d22dd31a","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 4, 'msg_01a1ff7b2e9670a4bedf0b76d22dd31a', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2e6d716eb3a50f65d99882a7', 5, null, '{"kind":"run","run":{"id":"run_01a1ff7b2e83776d8a7b06ea49ab07c7","chatId":"chat_01a1ff7b2e6d716eb3a50f65d99882a7","state":"succeeded","cancelRequested":false,"modelCalls":1,"startedAtMs":1795287625339,"endedAtMs":1795287625392}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ec1701994c7eb691c19c203', 1, 'msg_01a1ff7b2eca77b0804a624e20e1ec4c', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ec1701994c7eb691c19c203', 2, null, '{"kind":"run","run":{"id":"run_01a1ff7b2ecb703382f783237145b610","chatId":"chat_01a1ff7b2ec1701994c7eb691c19c203","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287625418}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ec1701994c7eb691c19c203', 3, null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b2ed471708d930eb482cdf53f","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 1, 'msg_01a1ff7b2ee976bd8ce197ad3882291d', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 2, null, '{"kind":"run","run":{"id":"run_01a1ff7b2eeb7732ac22bd28ce3c235d","chatId":"chat_01a1ff7b2ee774f280ca7b6437aedf73","state":"running","cancelRequested":false,"modelCalls":0,"startedAtMs":1795287625449}}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 3, null, '{"kind":"attempt_started","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","attempt":1}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 4, 'msg_01a1ff7b2ef3712ca23ea00468a39478', null);

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 5, null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a7920c1188c2f0b514","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 6, null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a8acebbf3d7483c1e1","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","name":"shell","state":"requested"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 7, null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a7920c1188c2f0b514","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","name":"shell","state":"dispatched","daemonId":"dmn_01a1ff7b2e68758597e0d0d065eb822a"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 8, null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a7920c1188c2f0b514","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","name":"shell","state":"running","daemonId":"dmn_01a1ff7b2e68758597e0d0d065eb822a"}');

insert into chat_updates (chat_id, sequence, message_id, event) values ('chat_01a1ff7b2ee774f280ca7b6437aedf73', 9, null, '{"kind":"tool_call","toolCallId":"call_01a1ff7b2efe76a8acebbf3d7483c1e1","messageId":"msg_01a1ff7b2ef3712ca23ea00468a39478","name":"shell","state":"requested"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 1, '{"kind":"daemon_changed","daemonId":"dmn_01a1ff7b2e68758597e0d0d065eb822a"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 2, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2e6d716eb3a50f65d99882a7"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 3, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2e6d716eb3a50f65d99882a7"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 4, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2e6d716eb3a50f65d99882a7"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 5, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2ec1701994c7eb691c19c203"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 6, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2ec1701994c7eb691c19c203"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 7, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2ee774f280ca7b6437aedf73"}');

insert into user_updates (user_id, sequence, event) values ('usr_01a1ff7b2e50759f96e857ef191a4a3f', 8, '{"kind":"chat_changed","chatId":"chat_01a1ff7b2ee774f280ca7b6437aedf73"}');

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b2e8a77cc94957403b2d65705', 'wake', 'chat_01a1ff7b2e6d716eb3a50f65d99882a7', 1795287625339, null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b2ed071beb076634b0c74fb97', 'wake', 'chat_01a1ff7b2ec1701994c7eb691c19c203', 1795287625418, null);

insert into outbox (id, kind, chat_id, created_at, claimed_until) values ('out_01a1ff7b2eeb7733b9d8079ba1174d2c', 'wake', 'chat_01a1ff7b2ee774f280ca7b6437aedf73', 1795287625449, null);
