import { createServer } from "node:net";
import { ReliantError } from "../../core/errors.ts";

/** A TCP port that nobody listens on now: for a program that cannot be given port 0. */
export function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new ReliantError("internal", `find a free port on ${host}: no address`));
      });
    });
  });
}
