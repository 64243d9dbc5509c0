import type { StackServer } from "../../src/stack/stack-server.ts";
import { tempFolder } from "./temp-folder.ts";

/** A server in a temporary folder of its own, which goes when the server is stopped, or does not start. */
export async function inTempFolder<S extends StackServer>(
  name: string,
  start: (folder: string) => Promise<S>,
): Promise<S> {
  const folder = await tempFolder(name);
  try {
    const server = await start(folder.path);
    const stop = async () => {
      await server.stop();
      await folder.remove();
    };
    return { ...server, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
