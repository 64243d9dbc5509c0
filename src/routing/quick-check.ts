import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { isIdToken } from "../core/ids.ts";
import {
  type CallResult,
  CallResult_Ending,
  type ConnectRequest,
  ConnectRequestSchema,
  type Hello,
  type Output,
  type Ready,
} from "../gen/reliant/v1/daemon_pb.ts";

/**
 * True where the message surely keeps the rules in its proto file; false: ask the library. By hand for the frames that
 * come thousands of times a second, for which the library needs 20 times as long. What holds of the rules is held by
 * tests/unit/routing/quick-check.test.ts, which asks the library about generated frames.
 */
export function surelyFits(schema: DescMessage, message: Message): boolean {
  if (schema.typeName !== ConnectRequestSchema.typeName || !isMessage(message, ConnectRequestSchema)) return false;
  return frameFits(message);
}

function frameFits({ frame }: ConnectRequest): boolean {
  switch (frame.case) {
    case "heartbeat":
      return true;
    case "hello":
      return helloFits(frame.value);
    case "ready":
      return readyFits(frame.value);
    case "result":
      return resultFits(frame.value);
    case "output":
      return outputFits(frame.value);
    default:
      return false;
  }
}

function helloFits(hello: Hello): boolean {
  const { daemonId, instanceId, journalId, userId, startCount, lastEpoch } = hello;
  const labels = Object.entries(hello.labels);
  return (
    (daemonId === "" || isIdToken(daemonId)) &&
    (userId === "" || isIdToken(userId)) &&
    isIdToken(instanceId) &&
    isIdToken(journalId) &&
    startCount > 0n &&
    isCount(startCount) &&
    isCount(lastEpoch) &&
    hello.protocolVersion > 0 &&
    hello.minProtocolVersion >= 0 &&
    hello.capabilities.length <= MAX_NAMES &&
    hello.capabilities.every((name) => name.length <= MAX_SHORT) &&
    hello.runningToolCallIds.length <= MAX_RUNNING &&
    hello.runningToolCallIds.every(isIdToken) &&
    hello.name.length <= MAX_NAME &&
    labels.length <= MAX_NAMES &&
    labels.every(([key, value]) => key.length <= MAX_SHORT && value.length <= MAX_LABEL) &&
    hello.version.length <= MAX_SHORT &&
    hello.platform.length <= MAX_SHORT
  );
}

function readyFits({ toolCallId, journalId, stamp }: Ready): boolean {
  return isIdToken(toolCallId) && isIdToken(journalId) && stamp !== undefined;
}

function resultFits({ toolCallId, journalId, ending, result }: CallResult): boolean {
  const known = ending > CallResult_Ending.UNSPECIFIED && ending <= CallResult_Ending.DENIED;
  return known && isIdToken(toolCallId) && isIdToken(journalId) && (result?.images.length ?? 0) === 0;
}

/** Lengths of the proto file. It counts characters, we the UTF-16 units, of which there are as many or more. */
const MAX_SHORT = 128;
const MAX_NAME = 256;
const MAX_LABEL = 1024;
const MAX_NAMES = 64;
const MAX_RUNNING = 1024;
const MAX_INT = BigInt(Number.MAX_SAFE_INTEGER);
const OUTPUT_BYTES = 65_536;

function outputFits({ toolCallId, offset, gapBytes, data }: Output): boolean {
  return isIdToken(toolCallId) && isCount(offset) && isCount(gapBytes) && data.length <= OUTPUT_BYTES;
}

function isCount(value: bigint): boolean {
  return value >= 0n && value <= MAX_INT;
}
