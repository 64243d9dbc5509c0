import { ReliantError } from "../core/errors.ts";
import { DAEMON_CAPABILITIES, toolCapability } from "../routing/daemon-protocol.ts";
import type { HelloFields } from "./gateway-frames.ts";

/** Bounds of the proto file. */
const MAX_LABELS = 64;
const MAX_CAPABILITIES = 64;
const MAX_NAME = 256;

/** What a daemon tells of itself. Throws `usage` where the bounds are exceeded. */
export function helloFields(about: {
  readonly daemonId: string;
  readonly userId: string;
  readonly instanceId: string;
  readonly name: string;
  /** Each `key=value`, or a key alone. */
  readonly labels: readonly string[];
  readonly version: string;
  readonly platform: string;
  readonly toolNames: readonly string[];
}): HelloFields {
  const { labels, toolNames, name, ...rest } = about;
  if (labels.length > MAX_LABELS) throw new ReliantError("usage", `${labels.length} labels: at most ${MAX_LABELS}`);
  if (name.length > MAX_NAME) throw new ReliantError("usage", `the name is too long: at most ${MAX_NAME} characters`);
  return {
    ...rest,
    name,
    labels: Object.fromEntries(labels.map(labelOf)),
    capabilities: [...DAEMON_CAPABILITIES, ...toolNames.map(toolCapability)].slice(0, MAX_CAPABILITIES),
  };
}

function labelOf(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  const [key, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (key.trim() === "") throw new ReliantError("usage", `the label ${JSON.stringify(text)} has no key: use KEY=VALUE`);
  return [key.trim(), value.trim()];
}
