/**
 * Every bound of the system, with its reason. Milliseconds and bytes unless the name says otherwise.
 * Nothing outside this file invents a bound, but `trial-limits.ts` for the stacks that `reliant chaos` and `reliant bench` try.
 */
const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const LIMITS = {
  /** Header of one request, fields and names: tokens and cookies fit many times over. */
  requestHeaderBytes: 32 * KIB,
  /** From a connection until its first bytes (its TLS handshake included) have come. */
  firstBytesMs: 10 * SECOND,
  /** The header of a request, and the body of one that is no stream, must have come within this. */
  requestHeaderMs: 15 * SECOND,
  requestBodyMs: 1 * MINUTE,
  /** A connection without a request under way is closed after this. */
  connectionIdleMs: 2 * MINUTE,
  /** Requests of one HTTP/2 connection at once. */
  streamsPerConnection: 256,
  /** CONTINUATION frames of one header: a header of `requestHeaderBytes` needs two. nghttp2 allows 8. */
  headerContinuations: 8,
  /** HTTP/2 frames without content (pings, settings, empty data) that a stranger may send at once, and per second, beyond what answers ours. */
  emptyFramesBurst: 20_000,
  emptyFramesPerSecond: 2_000,
  /** HTTP/2 requests that a stranger may break off at once, and per second (CVE-2023-44487; nghttp2: 1,000 and 33). */
  resetsBurst: 2_000,
  resetsPerSecond: 200,
  /** HTTP/2 frames of any kind that a known client may send in a second: far more than it needs, and about 1 % of a core. */
  framesPerSecond: 100_000,
  /** Body of one HTTP or RPC request: holds the longest prompt with some images. */
  requestBodyBytes: 16 * MIB,
  /** Text of one user message: about 250,000 tokens, more than any model reads. */
  messageTextBytes: 1 * MIB,
  /** Blocks of one message that a client may send. */
  messageBlocks: 64,
  /** A file that a setting names, or a secret on standard input: keys, certificates, scripts of a model. */
  settingFileBytes: 1 * MIB,
  /** Standard input for a secret given as `-`: a pipe that nobody closes must not hold the start for ever. */
  stdinMs: 30 * SECOND,
  /** Processes that are looked at when an address is in use, to name the one that holds it. */
  portHolderProcesses: 4096,
  /** Rows that one list request may return. */
  pageSize: 200,

  /** One gRPC message on the daemon's stream: the default limit of gRPC peers and proxies. */
  frameBytes: 4 * MIB,
  /** A daemon's first frame, its hello, which is taken before anything is known of it but its token: 1,024 running calls with ids of 128 bytes, 64 labels and all names are some 220 KiB. */
  helloBytes: 256 * KIB,
  /** One chunk of tool output on the stream: small enough that a control frame is never long behind it. */
  outputChunkBytes: 64 * KIB,
  /** Bytes of live output that the gateway lets one call have under way before it must grant more. */
  outputCreditBytes: 512 * KIB,
  /** A NATS body; larger ones travel by id. A quarter of the 1 MB that NATS servers take by default. */
  natsBodyBytes: 256 * KIB,
  /** Input of a tool call as JSON: what one edit of a large file needs. */
  toolInputBytes: 2 * MIB,
  /** Text of a tool result that goes to the model; the rest is cut, head and tail kept. About 12,000 tokens. */
  toolResultTextBytes: 48 * KIB,
  /** An image that a tool hands to the model: the limit of the providers. */
  toolImageBytes: 4 * MIB,
  /** Facts of a tool result for programs, as JSON: exit code, counts, a list of steps. */
  toolDetailsBytes: 64 * KIB,
  /** How deep they are nested: what is nested without measure can be read and not written again, or only in seconds. */
  toolDetailsNesting: 256,
  /** Images of one tool result (proto/reliant/v1/tool.proto). */
  toolResultImages: 16,
  /** Output of a tool that the daemon's disk keeps whole. */
  toolOutputFileBytes: 2 * 1024 * MIB,

  /** Tool calls of one assistant message. */
  toolCallsPerMessage: 256,
  /** Tool calls that one daemon runs at once; more wait their turn inside the daemon. */
  daemonRunningCalls: 32,
  /** Calls that a daemon keeps open (offered, waiting, running): beyond it an offer is refused. */
  daemonOpenCalls: 1024,
  /** Model calls of one run: beyond it an agent that loops for ever is stopped and says so. */
  modelCallsPerRun: 200,
  /** Attempts at one model call over all workers, each attempt's usage kept. */
  modelAttempts: 5,
  /** Attempts at one model call that do not count, because a process that stops broke them off: a rolling restart, some times over. */
  modelStops: 20,
  /** Between two attempts: first wait, and the longest one that a provider may ask for. */
  modelRetryBaseMs: 1 * SECOND,
  modelRetryMaxMs: 1 * MINUTE,
  /** Silence of a provider in the middle of a stream. */
  modelSilenceMs: 2 * MINUTE,
  /** What is read of an answer that is an error, and one event of a stream: OpenAI's `response.completed` repeats the whole answer. */
  modelErrorBytes: 64 * KIB,
  modelEventBytes: 16 * MIB,
  /** One model call as a whole. */
  modelCallMs: 15 * MINUTE,

  /** Default and largest time of a shell command (issue: 60 s and 600 s). */
  shellDefaultMs: 60 * SECOND,
  shellMaxMs: 600 * SECOND,
  /** From SIGTERM to SIGKILL of a shell command that is ended: well under `toolEndMs`. */
  shellGraceMs: 2 * SECOND,
  /** After the end of a shell command: until the rest of its output was read. A process that got away may hold the pipe. */
  shellDrainMs: 1 * SECOND,
  /** Chunks that were read of a command's pipes, until they are collected: about the most that they hold at once. */
  readGarbageBytes: 16 * MIB,
  /** Time of a tool that works on files, or on nothing but its input. */
  fileToolMs: 60 * SECOND,
  /** A file that `edit_file` changes, and that `write_file` tells the lines of: it is held in memory. */
  toolEditFileBytes: 8 * MIB,
  /** Lines that `read_file` gives when it is not told how many, and characters of a line; the rest is said. */
  toolReadLines: 2000,
  toolLineCharacters: 2000,
  /** Files and folders that one `list_files` or `search_files` looks at, names that it gives, and matches. */
  toolWalkEntries: 200_000,
  toolListEntries: 1000,
  toolSearchMatches: 1000,
  /** A file that the built-in search reads; larger ones are counted. Ripgrep has no such bound. */
  toolSearchFileBytes: 16 * MIB,
  /** One line that the built-in search needs longer for than this ends it: a regular expression can take for ever. */
  toolSearchLineMs: 250,
  /** From the request until the call must have an outcome, beyond the tool's own time: queueing and transport. */
  toolCallSlackMs: 60 * SECOND,
  /** The same for a tool that runs in the worker itself: no queueing, no transport. */
  toolHereSlackMs: 10 * SECOND,
  /** A tool in the worker that was told to stop and does not: it is given up. */
  toolHereStopMs: 5 * SECOND,
  /** A running call whose daemon is out of reach becomes `unknown` this long after its deadline (design §3). */
  unknownAfterDeadlineMs: 2 * MINUTE,
  /** No `accepted` within this: read the epoch again and send the same id again (design §3). */
  acceptedMs: 2 * SECOND,
  /** `accepted` waits so long, at most twice, for the outcome, which says it as well: a call then wakes its worker once. Far below `acceptedMs`. */
  acceptDelayMs: 50,
  /** No `accepted` at all within this: the daemon is offline (design §3). */
  daemonOfflineMs: 5 * SECOND,
  /** A daemon that is not connected but was seen within this may be on its way to another gateway: it has the 5 s, too. An idle heartbeat and those. */
  reconnectGraceMs: 35 * SECOND,
  /** The slow poll of the ledger by whoever waits for an outcome. */
  ledgerPollMs: 2 * SECOND,
  /** No gateway holds the epoch that was read: first and longest wait until it is read again. Jittered. */
  resendBaseMs: 50,
  resendMaxMs: 1 * SECOND,
  /** Whoever waits for an outcome that a gateway will ring for; beyond it the oldest is forgotten, and its worker's poll finds the outcome. */
  ringsHeld: 50_000,
  /** A daemon's answer to a command (config load). */
  commandMs: 10 * SECOND,
  /** Commands that one daemon has not answered yet. */
  commandsOpen: 64,
  /** A daemon repeats `ready` and `result` at this pace (design §3). */
  repeatMs: 5 * SECOND,
  /** A grant older than this starts nothing (design §3). */
  grantMaxAgeMs: 10 * SECOND,
  /** Journal entries stay this long after the ack (design §3: days). */
  journalKeepMs: 7 * 24 * 60 * MINUTE,

  /** Heartbeat of an idle daemon stream, and while a call is open (design §3). */
  heartbeatIdleMs: 30 * SECOND,
  heartbeatBusyMs: 5 * SECOND,
  /** A peer silent for this long is dead: idle (three beats; 2 min with all that comes on top), and while a call is open (design §5). */
  deadIdleMs: 100 * SECOND,
  deadBusyMs: 15 * SECOND,
  /** HTTP/2 pings, extra to the heartbeat. */
  http2PingMs: 15 * SECOND,
  /** A daemon is online when it was seen within this. */
  onlineMs: 2 * MINUTE,
  /** A gateway asks the database for all its tokens at this pace. */
  tokenCheckMs: 2 * SECOND,
  /** The first frame of a daemon's stream must come within this. */
  helloMs: 10 * SECOND,

  /** A gateway asks the database which of its connections are superseded at this pace: only tidies, every write is fenced anyway. */
  supersededCheckMs: 10 * SECOND,
  /** Frames and bytes that wait for one daemon to read them. Beyond it offers are answered `busy`; other frames end the connection. */
  outboundFrames: 4096,
  /** Control frames that may wait for another one to go with: far below `outboundFrames`, so that waiting fills no lane. */
  outboundLaterFrames: 256,
  outboundBytes: 8 * MIB,
  /** Daemons that a gateway is built for (design §5), and files that it opens beside their connections. */
  gatewayDaemons: 10_000,
  gatewayOtherFiles: 256,
  /** An ack goes with the next frame to its daemon, or alone after this, with those of all other daemons: a third of the writes of a busy gateway. Far below `repeatMs`. */
  ackDelayMs: 250,
  /** Frames of one daemon, and their bytes, that wait for the store; beyond it the gateway stops reading from that daemon. */
  inboundFrames: 64,
  inboundBytes: 8 * MIB,
  /** Calls of one daemon whose chat is asked for at once because another gateway offered them; of more, output is lost. */
  outputLookups: 16,
  /** Used output credit is given back at this pace, so that one call's live view is bounded in time too; stored with it. */
  outputRefillMs: 1 * SECOND,
  /** Resolution of the one timer that serves all connections of a gateway. */
  wheelTickMs: 500,

  /** NATS: first wait and jitter of a reconnect, time for a connection or a flush, pace of pings and how many may be unanswered. */
  natsReconnectMs: 250,
  natsTimeoutMs: 5 * SECOND,
  natsPingMs: 5 * SECOND,
  natsPingsOut: 2,
  /** After a request that nobody answered: a server that does not answer itself within this stands still. */
  natsProbeMs: 500,

  /** Frames of a daemon that wait for their turn on the stream: one for every open call, some more for answers. */
  daemonQueueFrames: 2048,
  /** Tool output that waits in a daemon's queue, all calls together; more is a gap. A result is never long behind it. */
  daemonOutputQueueBytes: 1 * MIB,
  /** Results that wait in a daemon's queue; those that find no room are told with the next repeat. */
  daemonResultQueueBytes: 8 * MIB,
  /** A daemon that was not scheduled for this long has slept: its connection is taken for dead. */
  daemonSleptMs: 20 * SECOND,
  /** A daemon that leaves lets what is queued go out for this long before it cuts the connection; so does a server with a call that it ends. */
  streamCloseMs: 1 * SECOND,
  /** Hellos that are sent again at once, because the gateway named another epoch; then with the usual waits. */
  helloRetries: 5,
  /** The daemon tidies its journal and its outputs at this pace. */
  daemonTidyMs: 10 * MINUTE,
  /** From the cancel, or the end of its time, until a tool must have returned; then its call ends without it. */
  toolEndMs: 10 * SECOND,
  /** Outputs that the daemon's disk keeps, all together; the oldest go first. */
  toolOutputFolderBytes: 8 * 1024 * MIB,
  /** The daemon's log: size of one file, and how many older ones are kept. */
  daemonLogFileBytes: 8 * MIB,
  daemonLogFiles: 3,
  /** What `daemon logs` prints: lines at the end of the log, and how often it looks for more. */
  daemonLogLines: 200,
  daemonLogPollMs: 250,
  /** `daemon stop` looks at this pace whether the process has ended. */
  daemonStopPollMs: 50,
  /** A change of a daemon's state is in its status file within this. */
  daemonStatusMs: 500,
  /** A daemon's settings files: policy, credentials, identity. */
  daemonFileBytes: 256 * KIB,

  /** Reconnect of a daemon: first wait, and longest wait while a gateway answers and does not take it. Jittered. */
  reconnectBaseMs: 250,
  reconnectMaxMs: 15 * SECOND,
  /** The longest between two attempts where nobody answers, or a connection that stood was lost: a daemon is back 5 s after its network
   * is (tailscale's relay clients wait 5 s at most, magicsock/derp.go). 10,000 daemons whose gateway is gone ask 3,300 times a second, which
   * costs a refused TCP connection each; they come back within 4 s, which gateways take in batches. */
  reconnectUnreachedMs: 4 * SECOND,
  /** From an attempt to connect until the peer must have given any sign of life, its TLS handshake included. Less than the wait above. */
  reachMs: 3 * SECOND,
  /** Daemons of a gateway that stops: so many are to come to the others in a second (they take about 3,000), and the least time to leave in. */
  drainDaemonsPerSecond: 1000,
  drainLeaveMinMs: 1 * SECOND,
  /** Retry of a database, NATS or Temporal that is away at start. */
  startRetryBaseMs: 200,
  startRetryMaxMs: 5 * SECOND,

  /** The first token delta goes at once, later ones at this pace (design §3). */
  deltaMs: 50,
  /** Live blocks are stored at least at this pace, and the run's cancel flag is read with it (design §3). */
  deltaStoreMs: 500,
  /** Blocks of one answer: a model writes some dozens; a stream without end of empty ones is no answer. */
  blocksPerAnswer: 1024,
  /** Text of one live block that is kept; beyond it the block is too large to be a message. */
  blockTextBytes: 4 * MIB,
  /** One replica reads the last numbers of all its streams at this pace. */
  streamPollMs: 3 * SECOND,
  /** Streams of one such query: the answer for 5,000 takes 15 ms of the process, in which nothing else is done. */
  streamPollBatch: 500,
  /** Numbered updates read from the store at once. */
  updatePage: 500,
  /** Events that one subscriber's queue holds before it must read the store again. */
  subscriberQueue: 1024,
  /** Chats that one update stream may follow. */
  chatsPerStream: 100,
  /** Update streams of one user on one replica. */
  streamsPerUser: 50,

  /** A silent update stream says that it is alive at this pace: below the 60 s of common proxies. */
  keepAliveMs: 15 * SECOND,
  /** Those of all streams go out in turns of this: of 5,000 streams 17 at once, some 3 ms in which nothing else is done. */
  keepAliveTickMs: 50,
  /** A client takes a stream for dead that was silent for this long: two signs of life and some. */
  streamSilenceMs: 40 * SECOND,

  /** An update stream asks at this pace whether its token is in force: with `tokenCheckMs`, for which the answer is believed, below the 5 s in which a revoked one ends. */
  streamTokenCheckMs: 2_500,
  /** It asks at this pace at least, however long the answer is believed: the wall's clock may be set back meanwhile. */
  streamTokenTrustMs: 1 * MINUTE,

  /** Writes that can wait, in the write queue. */
  writeQueueEntries: 10_000,
  /** An outbox row older than this is repeated by any API replica. */
  outboxAgeMs: 3 * SECOND,
  outboxBatch: 100,
  /**
   * Chats that one API replica tells the engine of at once, and outbox rows whose chats wait for their turn. An engine that needs
   * 50 ms for each has them all within a second; of more the outbox tells, which would tell of those that wait for long as well.
   */
  wakesAtOnce: 16,
  wakesWaiting: 200,
  /** What waits for the engine when a replica stops; then the outbox tells. A quarter of `drainMs`. */
  wakesStopMs: 5 * SECOND,
  /** Batches in a row of which the engine takes nothing: then it is away. One alone may be refused for its own sake. */
  outboxFailedBatches: 2,
  /** A run whose chat does not move from one look to the next is told to the engine again; so many of them, the oldest, are looked at. */
  runWatchMs: 2 * MINUTE,
  runWatchChats: 10_000,
  /** Clocks of a JWT's issuer and ours may differ by this. */
  jwtClockToleranceMs: 30 * SECOND,
  /** A JWT's signature that was right is not checked again for this long, its end is at each look: well below `jwksAgeMs`. */
  jwtTrustMs: 1 * MINUTE,
  /** A token is longer than this only by mistake. */
  bearerTokenBytes: 8 * KIB,
  /** One request for an issuer's published keys, how long they are trusted, and the pause between two requests for a key that is not among them. */
  jwksTimeoutMs: 5 * SECOND,
  jwksAgeMs: 10 * MINUTE,
  jwksPauseMs: 5 * SECOND,
  /** Who a token belongs to is remembered for this many tokens. */
  identitiesHeld: 10_000,
  /** One check of readiness, and how long its answer stands. */
  readyCheckMs: 2 * SECOND,
  readyHoldMs: 1 * SECOND,
  /** A CPU profile: default and longest time. Bun ends an HTTP connection that is silent for 255 s. */
  profileDefaultMs: 30 * SECOND,
  profileMaxMs: 4 * MINUTE,
  /** Connections of one process to Postgres. */
  postgresConnections: 10,
  /** A connection to Postgres from its start until it can be used. */
  databaseConnectMs: 5 * SECOND,
  /** One statement, its waits for locks included; beyond it the connection is given up. */
  databaseStatementMs: 30 * SECOND,
  /** Hellos, token checks and the like that come at once are done together: so many by one transaction, and so many may wait: all daemons of a gateway that died. */
  storeBatch: 250,
  storeBatchWaiting: 20_000,
  /** Where such a batch fails, so many of it are done alone at once: less than half of `postgresConnections`. */
  storeBatchAlone: 4,
  /** Daemons whose row somebody else holds, whose hellos wait for it at once beside the batches; as many marks. Together less than half of `postgresConnections`. */
  storeBatchAside: 2,
  /** Daemons noted as seen in one transaction: their rows are locked meanwhile, and a frame of one of them waits, some 10 ms. */
  storeTouchBatch: 500,
  /** Transactions that wait for a connection: some 10 s of work for ten connections. */
  databaseWaiting: 5_000,
  /** A process that froze inside a transaction holds its rows at most this long. */
  databaseIdleInTransactionMs: 15 * SECOND,
  /** Attempts at a transaction that the database broke off for the sake of another one, and the waits between. */
  transactionAttempts: 10,
  transactionRetryBaseMs: 5,
  transactionRetryMaxMs: 200,
  /** SQLite: how long another process may hold the file, and how often it is looked at. */
  sqliteBusyMs: 20 * SECOND,
  sqliteBusyPollMs: 5,
  /** One step of the schema, all attempts at the steps where others are in the way, or the wait for another server that migrates. */
  migrationMs: 5 * MINUTE,
  /**
   * A step's wait for a table that others use: meanwhile all who come behind it wait, too. More than `deadlock_timeout` (1 s), at
   * which Postgres ends an autovacuum that is in the way.
   */
  migrationLockMs: 2 * SECOND,
  /** A claimed outbox row is its claimer's for this long. */
  outboxClaimMs: 15 * SECOND,
  /** The write queue: its pace, rows of one statement, bytes of live output that wait. */
  writeQueueFlushMs: 200,
  writeQueueBatch: 1_000,
  writeQueueBytes: 16 * MIB,
  /** Late results of one tool call that are kept as evidence. */
  evidencePerCall: 4,
  /** An answer or a result that is at hand while the store is away: it is tried again for this long, then the step is. */
  persistMs: 1 * MINUTE,
  /** SIGTERM: from not ready to exit. */
  drainMs: 20 * SECOND,
  /** A step of the loop whose store, NATS or daemon's gateway is away is repeated for ever: first wait and longest wait. */
  stepRetryBaseMs: 200,
  stepRetryMaxMs: 10 * SECOND,
  /** Loops that one process without Temporal runs at once, and chats that wait for their turn; beyond, the outbox comes again. */
  embeddedLoops: 64,
  embeddedWaitingChats: 10_000,
  /** One call to a Temporal server (starting, signalling, asking for its namespace). */
  temporalCallMs: 5 * SECOND,
  /** A local Temporal server from SIGTERM to its end; then it is killed. */
  temporalServerStopMs: 10 * SECOND,
  /** Events of one workflow run, after which it continues as a new one: far below the 10,240 at which Temporal warns. */
  historyEvents: 4000,
  /** Attempt of a step that only reads or writes the store. */
  storeStepMs: 30 * SECOND,
  /** Attempt of a step that brings a tool call to its outcome: above any tool's own time. The ledger outlives it. */
  toolStepMs: 2 * 60 * MINUTE,
  /** Model calls, and tool calls that are waited for, in one worker: the first stream, the second only wait. */
  workerModelCalls: 200,
  workerToolCalls: 5000,
  /** Polls that one worker has open at once on one task queue, when there is much to do. */
  workerPollers: 20,
  /** A model call may finish for this long when its worker stops; then another worker asks again. */
  workerGraceMs: 10 * SECOND,
  /** How long a namespace that we made keeps the histories of ended workflows. */
  namespaceRetentionMs: 3 * 24 * 60 * MINUTE,
  /** A failure's text as it goes into a history and into the chat. */
  failureTextChars: 2000,
  /** Temporal: an activity's heartbeat time-out, and how often it beats. */
  activityHeartbeatMs: 5 * SECOND,
  activityBeatMs: 1 * SECOND,
} as const;
