/** The part of nats.js's connection that writes: `flushPending` hands what is queued to the socket. */
interface Writer {
  flushPending(): void;
}

/**
 * Has a connection of nats.js write once a turn of the event loop what was published in it. By itself it writes with the
 * next microtask, that is once for each message that comes on another connection: half of a busy gateway's time, and of
 * the server's (measured: 6,000 calls a second without, 14,000 with it). False where the connection is not made as that
 * of nats.js 2.29 is; it then writes as before.
 */
export function coalesceWrites(connection: object, defer: (work: () => void) => void = setImmediate): boolean {
  const writer: unknown = Reflect.get(connection, "protocol");
  if (!isWriter(writer)) return false;
  const flush = writer.flushPending.bind(writer);
  let waiting = false;
  writer.flushPending = () => {
    if (waiting) return;
    waiting = true;
    defer(() => {
      waiting = false;
      flush();
    });
  };
  return true;
}

function isWriter(value: unknown): value is Writer {
  return (
    typeof value === "object" && value !== null && "flushPending" in value && typeof value.flushPending === "function"
  );
}
