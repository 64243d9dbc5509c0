import { failingAnthropic } from "./failing-anthropic.ts";
import { failingGoogle } from "./failing-google.ts";
import { failingChat, failingCompatible, failingResponses } from "./failing-openai.ts";
import type { FailingWire } from "./failing-wire.ts";

/** Every format that the driver speaks. */
export const FAILING_WIRES: readonly FailingWire[] = [
  failingAnthropic,
  failingResponses,
  failingChat,
  failingGoogle,
  failingCompatible,
];
