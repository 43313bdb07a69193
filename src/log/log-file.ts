/**
 * One log file that is being written.
 *
 * Its header is durable, and its name too, before the first record. Each byte behind the header is written once (over zeros, where space was written
 * ahead), at `end`, which `accept` moves only when the caller calls the bytes its own: what a failed write left behind lies at or after `end`.
 */
import { join } from "node:path";
import type { Env, EnvFile } from "../shared/env.js";
import type { EncodedBatch } from "./encode-batch.js";
import { encodeFileHeader, FILE_HEADER_BYTES, type FileHeader, fileName } from "./framing.js";

/** Zeros are written ahead in steps of this many bytes: a sync in space that was written before takes two thirds of the time. */
const AHEAD_BYTES = 1024 * 1024;
/** Batches from this many bytes on write nothing ahead: their own bytes are the cost. */
const LARGE_BATCH_BYTES = AHEAD_BYTES / 4;
const zeros = Buffer.alloc(AHEAD_BYTES + LARGE_BATCH_BYTES);

export class LogFile {
  /** Bytes of header and accepted records. */
  end: number = FILE_HEADER_BYTES;
  private allocated: number = FILE_HEADER_BYTES;

  private constructor(
    readonly name: string,
    readonly header: FileHeader,
    private readonly file: EnvFile,
    private readonly writesAhead: boolean,
  ) {}

  /** Bytes on disk. */
  get size(): number {
    return Math.max(this.end, this.allocated);
  }

  static async create(env: Env, folder: string, header: FileHeader, writesAhead: boolean): Promise<LogFile> {
    const name = fileName(header.first, header.turn);
    const path = join(folder, name);
    const file = await env.files.open(path, "create");
    try {
      await file.write([encodeFileHeader(header)], 0);
      await file.sync();
      await env.files.syncFolder(folder);
      return new LogFile(name, header, file, writesAhead);
    } catch (error) {
      await discard(env, path, file);
      throw error;
    }
  }

  /** Writes behind the accepted records, without accepting. */
  async write(batch: EncodedBatch): Promise<void> {
    const end = this.end + batch.bytes;
    const ahead = this.writesAhead && end > this.allocated && batch.bytes < LARGE_BATCH_BYTES ? AHEAD_BYTES : 0;
    await this.file.write(ahead === 0 ? batch.parts : [...batch.parts, zeros.subarray(0, ahead)], this.end);
    this.allocated = Math.max(this.allocated, end + ahead);
  }

  sync(): Promise<void> {
    return this.file.sync();
  }

  accept(batch: EncodedBatch): void {
    this.end += batch.bytes;
  }

  /**
   * Cuts off all behind the accepted records and closes. Returns whether that is durable; nothing depends on it when a newer file is,
   * so a failure is an answer here, not an error.
   */
  async retire(): Promise<boolean> {
    let durable = true;
    try {
      await this.file.truncate(this.end);
      await this.file.sync();
      this.allocated = this.end;
    } catch {
      durable = false;
    }
    await this.file.close().catch(() => undefined);
    return durable;
  }

  /** Ends an orderly closed log with its mark. */
  async finish(mark: EncodedBatch): Promise<void> {
    try {
      await this.file.write(mark.parts, this.end);
      this.accept(mark);
      await this.file.truncate(this.end);
      await this.file.sync();
    } finally {
      await this.file.close();
    }
  }

  /** Removes a file that came to nothing. */
  async discard(env: Env, folder: string): Promise<void> {
    await discard(env, join(folder, this.name), this.file);
  }
}

/** What stays when this fails is superseded by the next file, which has the same first lsn and a higher turn. */
const discard = async (env: Env, path: string, file: EnvFile): Promise<void> => {
  await file.close().catch(() => undefined);
  await env.files.remove(path).catch(() => undefined);
};
