import { open } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { pemFault } from "./pem.ts";
import type { Resolution } from "./resolve.ts";
import { type FileContent, namesOf } from "./row.ts";
import { rowsOf } from "./settings-of.ts";

/** Reads the files that the settings name, and says of each that cannot be used why: so that a start does not fail one by one. */
export async function checkFiles(resolution: Resolution): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { key, row } of rowsOf(resolution.scope)) {
    const value = resolution.values.get(key);
    if (typeof value !== "string") continue;
    if (row.kind.name === "pem") {
      const fault = pemFault(value, "public key");
      if (fault !== undefined) faults.push(`${namesOf(row)} cannot be used: ${fault}`);
    }
    if (row.kind.name === "file") {
      const fault = await fileFault(value, row.kind.holds);
      if (fault !== undefined) faults.push(`${namesOf(row)}: ${value} cannot be used: ${fault}`);
    }
  }
  return faults;
}

async function fileFault(path: string, holds: FileContent): Promise<string | undefined> {
  try {
    const text = await readSmallFile(path);
    return holds === "any" ? undefined : pemFault(text, holds);
  } catch (error) {
    return messageOf(error);
  }
}

/** The file's text. Throws where it is no regular file, cannot be read or is larger than `LIMITS.settingFileBytes`. */
export async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error("it is not a file");
    if (stat.size > LIMITS.settingFileBytes) throw new Error(`it is larger than ${LIMITS.settingFileBytes} bytes`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
