/** What the rooms that keep bytes (log, store) share: reading a file whole, and the two errors of files. */
import { join } from "node:path";
import type { EnvFiles } from "./env.js";
import { failureBecause, MilvusError } from "./errors.js";

/** 1009: bytes that are not what was written, with the place. */
export const damaged = (path: string, offset: number, what: string): MilvusError =>
  failureBecause("dataIntegrity", `${path} at byte ${offset}: ${what}`);

/** 1001: a file call that failed; a coded error passes as it is. `doing` reads like "writing the log". */
export const fileFailure = (doing: string, error: unknown): MilvusError =>
  error instanceof MilvusError ? error : failureBecause("ioFailed", `${doing}: ${error instanceof Error ? error.message : String(error)}`);

/** Whether a file call failed because the path is not there. */
export const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";

/** Bytes of one read call: a call is limited to 2 GiB. */
const READ_BYTES = 256 * 1024 * 1024;

/** All bytes of a file. */
export const readWhole = async (files: EnvFiles, path: string): Promise<Buffer> => {
  const file = await files.open(path, "read");
  try {
    const all = Buffer.allocUnsafe(await files.size(path));
    let done = 0;
    while (done < all.length) {
      const count = await file.read(all.subarray(done, done + READ_BYTES), done);
      if (count === 0) break;
      done += count;
    }
    return all.subarray(0, done);
  } finally {
    await file.close();
  }
};

/** Names in a folder, sorted; an absent folder is an empty one. */
export const listNames = async (files: EnvFiles, folder: string): Promise<string[]> => {
  try {
    return (await files.list(folder)).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
};

/** Makes a folder below one that exists, durable. */
export const makeDurableFolder = async (files: EnvFiles, parent: string, name: string): Promise<void> => {
  await files.makeFolder(join(parent, name));
  await files.syncFolder(parent);
};
