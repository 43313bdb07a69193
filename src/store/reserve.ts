/**
 * Space set aside for opening a folder on a disk that is full to the last byte: the lock needs some.
 *
 * The file `reserve` is given up when the lock finds no room, and made again, as large as there is room for, once the lock is held. What the lock took
 * is given back when the next process replaces it, so a server can be started again and again, reads, and refuses changes.
 */
import { join } from "node:path";
import type { Env } from "../shared/env.js";
import { isAbsent } from "../shared/files.js";

const RESERVE = "reserve";
/** A lock that is taken over is three files for a moment; a file takes at least one block of the file system, mostly 4 KiB. */
const RESERVE_BYTES = 16 * 1024;

const isFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");

/** Runs `work`, once more with the reserve given up when the disk is full. */
export const withReserve = async <T>(env: Env, folder: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!isFull(error)) throw error;
    await env.files.remove(join(folder, RESERVE));
    return work();
  }
};

const sizeOf = async (env: Env, path: string): Promise<number | undefined> => {
  try {
    return await env.files.size(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
};

/** Call while the lock is held. */
export const keepReserve = async (env: Env, folder: string): Promise<void> => {
  const path = join(folder, RESERVE);
  try {
    const size = await sizeOf(env, path);
    if (size !== undefined && size >= RESERVE_BYTES) return;
    const file = await env.files.open(path, size === undefined ? "create" : "write");
    try {
      await file.write([Buffer.alloc(RESERVE_BYTES - (size ?? 0))], size ?? 0);
    } finally {
      await file.close();
    }
  } catch {
    // There is less in reserve, which nothing but the next opening on a full disk depends on.
  }
};
