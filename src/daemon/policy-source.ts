import { messageOf } from "../core/errors.ts";
import { logger } from "../core/logger.ts";
import { OPEN_POLICY, type Policy, parsePolicy } from "./policy.ts";
import { readSmallFile } from "./settings-file.ts";

/** The policy in force: what the file said when it was last read without fault, and the folders of the command line. */
export class PolicySource {
  private readonly log = logger("daemon", "policy");

  private constructor(
    private readonly path: string,
    /** Folders of the command line; empty: every folder. */
    private readonly flagRoots: readonly string[],
    private policy: Policy,
  ) {}

  /** No file: everything is allowed. Throws `failed_precondition` where the file is faulty: then nothing should run. */
  static async open(path: string, flagRoots: readonly string[]): Promise<PolicySource> {
    return new PolicySource(path, flagRoots, await read(path));
  }

  get current(): Policy {
    return this.policy;
  }

  /** Lists of folders that tools may work in; a folder must be within one of each. */
  get rootLimits(): readonly (readonly string[])[] {
    const lists = [this.policy.allowedRoots, this.flagRoots.length === 0 ? undefined : this.flagRoots];
    return lists.filter((list) => list !== undefined);
  }

  /** Reads the file again, for calls from now on. Where it is faulty the old policy stays, and the answer says the fault. */
  async reload(): Promise<{ ok: boolean; message: string }> {
    try {
      this.policy = await read(this.path);
      this.log.info("policy read", { path: this.path });
      return { ok: true, message: "" };
    } catch (error) {
      this.log.error("policy not read, the old one stays", { error: messageOf(error) });
      return { ok: false, message: `${messageOf(error)}; the old policy stays in force` };
    }
  }
}

async function read(path: string): Promise<Policy> {
  const text = await readSmallFile(path);
  return text === undefined ? OPEN_POLICY : parsePolicy(text, path);
}
