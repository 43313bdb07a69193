/**
 * The door to the world: clock, randomness, files. Nothing outside this file calls `Date.now`, `Math.random` or `node:fs`
 * (a test checks it), so a test can hand the engine a clock that it moves, a seed that it prints, and files that fail, tear and vanish.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";

/** One open file. Offsets and lengths in bytes. */
export interface EnvFile {
  /** Writes all parts one after another at `position`; returns the bytes written (all, or it throws and any part may be there). */
  write(parts: readonly Uint8Array[], position: number): Promise<number>;
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
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
  /** Removes a file, or a folder with all in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  size(path: string): Promise<number>;
  makeFolder(path: string): Promise<void>;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Creates the file with `text` in one step, or returns the text of the one that is there. Of several callers one creates it. */
  claim(path: string, text: string): Promise<{ claimed: boolean; text: string }>;
}

export interface Env {
  /** Milliseconds since 1970. */
  now(): number;
  /** Monotonic milliseconds, for durations. */
  elapsed(): number;
  /** Runs `task` once after so many milliseconds; the returned function calls it off. A waiting task does not keep the process alive. */
  after(milliseconds: number, task: () => void): () => void;
  random(bytes: number): Buffer;
  readonly files: EnvFiles;
  readonly processId: number;
  /** Whether a process with this id runs on this machine. */
  processAlive(id: number): boolean;
  /** A text that differs between two processes that had the same id at different times; "" where the platform does not tell. */
  processBirth(id: number): Promise<string>;
}

const flags = { create: "wx+", write: "r+", read: "r" } as const;

/** Buffers that one writev call takes (IOV_MAX of Linux and macOS is 1024). */
const PARTS_A_CALL = 1000;

class RealFile implements EnvFile {
  constructor(private readonly handle: FileHandle) {}
  async write(parts: readonly Uint8Array[], position: number): Promise<number> {
    const rest = parts.filter((part) => part.length > 0);
    let at = position;
    for (let next = 0; next < rest.length; ) {
      let { bytesWritten } = await this.handle.writev(rest.slice(next, next + PARTS_A_CALL), at);
      if (bytesWritten === 0) throw Object.assign(new Error("EIO: the system wrote nothing, write"), { code: "EIO" });
      at += bytesWritten;
      for (let part = rest[next]; part !== undefined && bytesWritten >= part.length; part = rest[next]) {
        bytesWritten -= part.length;
        next++;
      }
      const part = rest[next];
      if (part !== undefined && bytesWritten > 0) rest[next] = part.subarray(bytesWritten);
    }
    return at - position;
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
    const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
    try {
      await writeNew(draft, text);
      // A link appears with its whole text or not at all, so nobody reads a claim that is half written.
      await link(draft, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "EEXIST") throw error;
        return writeNew(path, text); // file systems without hard links
      });
      return { claimed: true, text };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const present = await readFile(path, "utf8").catch(unlessAbsent);
      return present === undefined ? await realFiles.claim(path, text) : { claimed: false, text: present };
    } finally {
      await rm(draft, { force: true });
    }
  },
};

const unlessAbsent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT") throw error;
};

const writeNew = async (path: string, text: string): Promise<void> => {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
};

export const realEnv: Env = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(milliseconds, task) {
    const timer = setTimeout(task, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
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
  async processBirth(id) {
    try {
      const [boot, status] = await Promise.all([readFile("/proc/sys/kernel/random/boot_id", "utf8"), readFile(`/proc/${id}/stat`, "utf8")]);
      // Fields after the command's name, which may itself hold spaces and brackets; the start time is the 22nd of all.
      const started = status.slice(status.lastIndexOf(")") + 2).split(" ")[19];
      return `${boot.trim()}:${started}`;
    } catch {
      return "";
    }
  },
};
