/**
 * The door to the world: clock, randomness, files. Nothing outside this file calls `Date.now`, `Math.random` or `node:fs`
 * (a test checks it), so a test can hand the engine a clock that it moves, a seed that it prints, and files that fail, tear and vanish.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";

/** One open file. Offsets and lengths in bytes. */
export interface EnvFile {
  /** Writes all parts one after another at `position`; returns the bytes written (all, or it throws). */
  write(parts: readonly Uint8Array[], position: number): Promise<number>;
  read(into: Uint8Array, position: number): Promise<number>;
  /** Makes what was written durable (fdatasync). */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface EnvFiles {
  /** `create`: fails if it exists; `write`: read and write, must exist; `read`: must exist. */
  open(path: string, mode: "create" | "write" | "read"): Promise<EnvFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  size(path: string): Promise<number>;
  makeFolder(path: string): Promise<void>;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Creates the file with `text`, or returns the text of the one that is there. */
  claim(path: string, text: string): Promise<{ claimed: boolean; text: string }>;
}

export interface Env {
  /** Milliseconds since 1970. */
  now(): number;
  /** Monotonic milliseconds, for durations. */
  elapsed(): number;
  random(bytes: number): Buffer;
  readonly files: EnvFiles;
  readonly processId: number;
  /** Whether a process with this id runs on this machine. */
  processAlive(id: number): boolean;
}

const flags = { create: "wx+", write: "r+", read: "r" } as const;

class RealFile implements EnvFile {
  constructor(private readonly handle: FileHandle) {}
  async write(parts: readonly Uint8Array[], position: number): Promise<number> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    let rest = parts.filter((part) => part.length > 0);
    let at = position;
    while (rest.length > 0) {
      const batch = rest.slice(0, 1000);
      let { bytesWritten } = await this.handle.writev(batch, at);
      at += bytesWritten;
      while (rest[0] !== undefined && bytesWritten >= rest[0].length) {
        bytesWritten -= rest[0].length;
        rest = rest.slice(1);
      }
      if (rest[0] !== undefined && bytesWritten > 0) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)];
    }
    return length;
  }
  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }
  sync(): Promise<void> {
    return this.handle.datasync();
  }
  truncate(length: number): Promise<void> {
    return this.handle.truncate(length);
  }
  close(): Promise<void> {
    return this.handle.close();
  }
}

const realFiles: EnvFiles = {
  open: async (path, mode) => new RealFile(await open(path, flags[mode])),
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  list: (folder) => readdir(folder),
  size: async (path) => (await stat(path)).size,
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true });
  },
  async syncFolder(path) {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async claim(path, text) {
    try {
      const file = await open(path, "wx");
      await file.write(text);
      await file.close();
      return { claimed: true, text };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      return { claimed: false, text: readFileSync(path, "utf8") };
    }
  },
};

export const realEnv: Env = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: (bytes) => randomBytes(bytes),
  files: realFiles,
  processId: process.pid,
  processAlive(id) {
    try {
      process.kill(id, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM";
    }
  },
};

/** Whether a path can be opened for reading; used at start only, for clear messages. */
export const readable = (path: string): boolean => {
  try {
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  }
};
