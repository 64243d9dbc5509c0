import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BoundedQueue } from "../../src/core/bounded-queue.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type Hello,
  ToolsDaemonService,
} from "../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "./eventually.ts";

type Frame = Exclude<ConnectRequest["frame"], { case: undefined }>;
type FrameCase = Frame["case"];
type Values = { [F in Frame as F["case"]]: F["value"] };
type ValueOf<Case extends FrameCase> = Values[Case];
type ResponseInit = NonNullable<Parameters<typeof create<typeof ConnectResponseSchema>>[1]>["frame"];

/** One daemon's connection as the test sees it: what it said, and what it is told. */
export class DaemonConnection {
  readonly received: ConnectRequest["frame"][] = [];
  ended = false;
  private readonly out = new BoundedQueue<ConnectResponse>(10_000);

  constructor(readonly hello: Hello) {}

  send(frame: ResponseInit): void {
    this.sendMessage(create(ConnectResponseSchema, { ...(frame === undefined ? {} : { frame }) }));
  }

  /** A message as it came from the wire, whatever stands in it. */
  sendMessage(message: ConnectResponse): void {
    this.out.push(message);
  }

  welcome(epoch: number, daemonId = this.hello.daemonId || "dmn_given"): void {
    const value = { daemonId, epoch: BigInt(epoch), gatewayId: "gtw_test", userId: "usr_1", protocolVersion: 1 };
    this.send({ case: "welcome", value });
  }

  /** Ends the stream from this side; with an error where one is given. */
  close(error?: ConnectError): void {
    if (error === undefined) this.out.close();
    else this.out.fail(error);
  }

  /** All frames of a kind that came so far. */
  all<Case extends FrameCase>(wanted: Case): ValueOf<Case>[] {
    return this.received.filter((frame) => isFrame(frame, wanted)).map(({ value }) => value);
  }

  /** The first frame of a kind that fits, as soon as there is one. */
  async next<Case extends FrameCase>(
    wanted: Case,
    fits: (value: ValueOf<Case>) => boolean = () => true,
  ): Promise<ValueOf<Case>> {
    const find = () => this.all(wanted).filter(fits);
    await eventually(`a frame ${wanted}`, () => find().length > 0, { timeoutMs: 10_000 });
    const [first] = find();
    if (first === undefined) throw new Error(`the frame ${wanted} is gone`);
    return first;
  }

  async *run(rest: AsyncIterator<ConnectRequest>): AsyncGenerator<ConnectResponse> {
    const reading = this.read(rest);
    try {
      yield* this.out;
    } finally {
      this.ended = true;
      void reading;
    }
  }

  private async read(rest: AsyncIterator<ConnectRequest>): Promise<void> {
    try {
      for (;;) {
        const step = await rest.next();
        if (step.done === true) break;
        this.received.push(step.value.frame);
      }
    } catch {
      // The daemon went without a word.
    }
    this.ended = true;
    this.out.close();
  }
}

function isFrame<Case extends FrameCase>(
  frame: ConnectRequest["frame"],
  wanted: Case,
): frame is ConnectRequest["frame"] & { case: Case; value: ValueOf<Case> } {
  return frame.case === wanted;
}

/** A gateway that does what the test says, over plaintext HTTP/2 on a port of its own. */
export class SmallGateway implements AsyncDisposable {
  readonly connections: DaemonConnection[] = [];
  readonly authorizations: string[] = [];
  /** Where set, connections are refused with it. */
  refuseWith: ConnectError | undefined;
  private readonly sessions = new Set<ServerHttp2Session>();

  private constructor(private readonly server: Http2Server) {}

  static async start(): Promise<SmallGateway> {
    const routes = (router: ConnectRouter) => {
      router.service(ToolsDaemonService, { connect: (requests, context) => gateway.connect(requests, context) });
    };
    const gateway: SmallGateway = new SmallGateway(createServer(connectNodeAdapter({ routes })));
    gateway.server.on("session", (session) => {
      gateway.sessions.add(session);
      session.on("close", () => gateway.sessions.delete(session));
    });
    await new Promise<void>((resolve) => gateway.server.listen(0, "127.0.0.1", resolve));
    return gateway;
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("the gateway has no TCP address");
    return `http://127.0.0.1:${address.port}`;
  }

  /** TCP connections that are open. */
  get openSessions(): number {
    return this.sessions.size;
  }

  /** The connection of that number, from 0, as soon as its hello has come. */
  async connection(index: number): Promise<DaemonConnection> {
    return eventually(`connection ${index}`, () => this.connections[index], { timeoutMs: 20_000 });
  }

  /** Cuts every TCP connection. */
  cut(): void {
    for (const session of this.sessions) session.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.close();
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async *connect(
    requests: AsyncIterable<ConnectRequest>,
    context: HandlerContext,
  ): AsyncGenerator<ConnectResponse> {
    this.authorizations.push(context.requestHeader.get("authorization") ?? "");
    if (this.refuseWith !== undefined) throw this.refuseWith;
    const frames = requests[Symbol.asyncIterator]();
    const first = await frames.next();
    if (first.done === true || first.value.frame.case !== "hello") {
      throw new ConnectError("the first frame is not hello", Code.InvalidArgument);
    }
    const connection = new DaemonConnection(first.value.frame.value);
    this.connections.push(connection);
    yield* connection.run(frames);
  }
}
