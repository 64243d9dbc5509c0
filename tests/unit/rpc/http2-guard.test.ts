import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { LIMITS } from "../../../src/core/limits.ts";
import { Http2Guard } from "../../../src/rpc/http2-guard.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { frame, PREFACE } from "./http2-frames.ts";

const FLOOD = Buffer.concat([
  PREFACE,
  ...Array.from({ length: LIMITS.emptyFramesBurst + 1 }, () => frame(6, 0, 0, new Uint8Array(8))),
]);
const HANDLE = { close: () => undefined };

/** A session of a runtime that has a parser of its own, as Bun names it. */
class NativeSession extends EventEmitter {
  readonly taken: unknown[] = [];
  frames = 0;

  constructor() {
    super();
    Reflect.set(this, Symbol("::bunhttp2native::"), {
      getFrameCounters: () => ({ framesReceived: this.frames }),
      setNativeSocket: (handle: unknown) => this.taken.push(handle),
    });
  }
}

let socket: Socket;
let guard: Http2Guard;

beforeEach(() => {
  socket = new Socket();
  Reflect.set(socket, "_handle", HANDLE);
  guard = new Http2Guard(socket, new ManualClock());
});

afterEach(() => {
  socket.destroy();
});

/** A session is what Node's types say; the guard looks for one property of it. */
function take(session: EventEmitter): void {
  Reflect.apply(guard.attach, guard, [session]);
}

describe("the guard of an HTTP/2 connection", () => {
  test("hides the system's handle from whoever makes the session, and from nobody else", () => {
    guard.handOver(() => expect(Reflect.get(socket, "_handle")).toBeUndefined());
    expect(Reflect.get(socket, "_handle")).toBe(HANDLE);
    expect(() =>
      guard.handOver(() => {
        throw new Error("no session");
      }),
    ).toThrow("no session");
    expect(Reflect.get(socket, "_handle")).toBe(HANDLE);
  });

  test("reads a stranger along, and leaves a client that is known to the runtime when it looks next", () => {
    const session = new NativeSession();
    take(session);
    guard.look(1000);
    expect([session.taken, socket.listenerCount("data")]).toEqual([[], 1]);
    guard.know();
    guard.look(2000);
    expect([session.taken, socket.listenerCount("data")]).toEqual([[HANDLE], 0]);
    session.frames = LIMITS.framesPerSecond;
    guard.look(3000);
    expect([session.taken.length, socket.destroyed]).toEqual([1, false]);
    session.frames += LIMITS.framesPerSecond + 1;
    guard.look(4000);
    expect(socket.destroyed).toBeTrue();
  });

  test("waits until what was to be written is", () => {
    const session = new NativeSession();
    take(session);
    guard.know();
    Object.defineProperty(socket, "writableLength", { value: 1, configurable: true });
    guard.look(1000);
    expect(session.taken).toEqual([]);
    Object.defineProperty(socket, "writableLength", { value: 0 });
    guard.look(2000);
    expect(session.taken).toEqual([HANDLE]);
  });

  test("reads everybody along where the runtime has no such parser", () => {
    take(new EventEmitter());
    guard.know();
    guard.look(1000);
    expect(socket.listenerCount("data")).toBe(1);
    socket.emit("data", FLOOD);
    expect(socket.destroyed).toBeTrue();
  });
});
