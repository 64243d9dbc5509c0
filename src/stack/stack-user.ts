import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { TokenScope } from "../gen/reliant/v1/token_pb.ts";
import { type ApiClients, clients } from "./stack-client.ts";

/** A user of a stack, with a JWT of the stack's own issuer. */
export interface StackUser {
  readonly name: string;
  readonly jwt: string;
  /** Through the link `client-api`: each connection to whichever replica is next. */
  readonly api: ApiClients;
  /** To one replica, past the link. Throws a RangeError where there is no such replica. */
  apiAt(index: number): ApiClients;
  newDaemonToken(): Promise<{ readonly id: string; readonly secret: string }>;
}

/** Who says who the users of a stack are: a key pair of its own, whose public part the servers are given. */
export interface StackIssuer {
  /** PEM, for `--jwt-public-key-file`. */
  readonly publicKeyFile: string;
  /** A JWT that is in force for a day. */
  sign(subject: string): Promise<string>;
}

/** The `iss` of their tokens. */
export const STACK_ISSUER = "reliant-stack";

export async function createIssuer(folder: string): Promise<StackIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const publicKeyFile = join(folder, "issuer.pem");
  await writeFile(publicKeyFile, await exportSPKI(publicKey), { mode: 0o600 });
  const sign = (subject: string) =>
    new SignJWT({})
      .setProtectedHeader({ alg: "EdDSA" })
      .setSubject(subject)
      .setIssuer(STACK_ISSUER)
      .setIssuedAt()
      .setExpirationTime("1d")
      .sign(privateKey);
  return { publicKeyFile, sign };
}

/** `apiUrls`: of the replicas. */
export function stackUser(name: string, jwt: string, apiUrl: string, apiUrls: readonly string[]): StackUser {
  const api = clients(apiUrl, jwt);
  return {
    name,
    jwt,
    api,
    apiAt: (index) => {
      const url = apiUrls[index];
      if (url === undefined) throw new RangeError(`no API replica ${index}: there are ${apiUrls.length}`);
      return clients(url, jwt);
    },
    newDaemonToken: async () => {
      const created = await api.tokens.createToken({ name: "stack", scope: TokenScope.DAEMON });
      return { id: created.token?.id ?? "", secret: created.secret };
    },
  };
}
