import { stat } from "node:fs/promises";
import { z } from "zod";
import { Secret } from "../config/secret.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { isIdToken } from "../core/ids.ts";
import { readSmallFile, writePrivateFile } from "./settings-file.ts";
import { TLS_MODES, type TlsMode } from "./tls-mode.ts";

/** What `daemon register` keeps: where this machine connects, as whom. */
export interface Credentials {
  readonly gateway: string;
  readonly token: Secret;
  readonly userId: string;
  readonly daemonId: string;
  /** Undefined: inferred from the address. */
  readonly tlsMode?: TlsMode | undefined;
  /** What the machine was registered as; undefined: its hostname. */
  readonly name?: string | undefined;
  readonly labels?: readonly string[] | undefined;
}

const ID = z.string().refine(isIdToken, { error: "is not an id" });

const FILE = z.object({
  gateway: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1),
  userId: ID,
  daemonId: ID,
  tlsMode: z.enum(TLS_MODES).optional(),
  name: z.string().optional(),
  labels: z.array(z.string()).optional(),
});

const REGISTER = "run `reliant daemon register --gateway URL --token TOKEN`";

/** The kept credentials; undefined where this machine is not registered. Throws `failed_precondition` where the file is faulty. */
export async function readCredentials(path: string): Promise<Credentials | undefined> {
  const text = await readSmallFile(path);
  if (text === undefined) return undefined;
  const parsed = FILE.safeParse(parseJson(text));
  if (parsed.success) return { ...parsed.data, token: new Secret(parsed.data.token) };
  throw new ReliantError("failed_precondition", `read credentials ${path}:\n${z.prettifyError(parsed.error)}`, {
    hint: `remove the file, then ${REGISTER}`,
  });
}

export async function writeCredentials(path: string, credentials: Credentials): Promise<void> {
  const content = { ...credentials, token: credentials.token.reveal() };
  await writePrivateFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

/** A warning where others on this machine may read the file; undefined where all is well, or where files have no such modes. */
export async function credentialsWarning(path: string): Promise<string | undefined> {
  if (process.platform === "win32") return undefined;
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined || (facts.mode & 0o077) === 0) return undefined;
  return `${path} holds a token and is readable by other users: chmod 600 ${path}`;
}

/** What the command line and its variables say. */
export interface GivenCredentials {
  readonly gatewayUrl: string | undefined;
  readonly token: Secret | undefined;
  readonly tlsMode: TlsMode | undefined;
  readonly userId: string | undefined;
  readonly daemonId: string | undefined;
  readonly daemonName: string | undefined;
  readonly labels: readonly string[];
}

/** With what `daemon start` connects. Empty ids: the gateway tells. */
export interface ConnectAs {
  readonly gateway: string;
  /** Undefined: inferred from the address. */
  readonly tlsMode: TlsMode | undefined;
  readonly token: Secret;
  readonly userId: string;
  readonly daemonId: string;
  /** Undefined: the hostname. */
  readonly name: string | undefined;
  readonly labels: readonly string[];
}

/**
 * The documents' order: flags override, then the credentials file, else an error. A token that is given by hand says
 * nothing of whose the registered daemon is, so that the ids of the file go with its token only. `keptDaemonId`, of the data
 * folder, is before the file's: several data folders, each a daemon of its own, share the one file.
 */
export function resolveCredentials(
  given: GivenCredentials,
  file: Credentials | undefined,
  keptDaemonId: string | undefined,
): ConnectAs {
  const token = given.token ?? file?.token;
  if (token === undefined) {
    throw new ReliantError("failed_precondition", "this machine is not registered, and no --token is given", {
      hint: REGISTER,
    });
  }
  const gateway = given.gatewayUrl ?? file?.gateway;
  if (gateway === undefined) {
    throw new ReliantError("usage", "--gateway / RELIANT_GATEWAY_URL is missing: where the token is to be shown", {
      hint: "as in --gateway https://gateway.example.com:9190",
    });
  }
  const own = given.token === undefined ? file : undefined;
  return {
    gateway,
    tlsMode: given.tlsMode ?? (given.gatewayUrl === undefined ? file?.tlsMode : undefined),
    token,
    userId: given.userId ?? own?.userId ?? "",
    daemonId: given.daemonId ?? keptDaemonId ?? own?.daemonId ?? "",
    name: given.daemonName ?? own?.name,
    labels: given.labels.length > 0 ? given.labels : (own?.labels ?? []),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return { fault: messageOf(error) };
  }
}
