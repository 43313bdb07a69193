/**
 * One log file that is being written.
 *
 * It gets its name when its header, and the records it begins with, are durable. Each byte behind the header is written once (over zeros, where
 * space was written ahead), at `end`, which `accept` moves only when the caller calls the bytes its own: what a failed write left behind lies at or
 * after `end`.
 */
import { join } from "node:path";
import type { Env, EnvFile } from "../shared/env.js";
import type { EncodedBatch } from "./encode-batch.js";
import { encodeFileHeader, FILE_HEADER_BYTES, type FileHeader, fileName } from "./framing.js";

/** Ends the name of a file that is not whole yet. */
export const DRAFT = ".draft";
/** Zeros are written ahead in steps of this many bytes: a sync in space that was written before takes two thirds of the time. */
const AHEAD_BYTES = 1024 * 1024;
/** Batches from this many bytes on write nothing ahead: their own bytes are the cost. */
const LARGE_BATCH_BYTES = AHEAD_BYTES / 4;
const zeros = Buffer.alloc(AHEAD_BYTES);

export class LogFile {
  /** Bytes of header and accepted records. */
  end: number = FILE_HEADER_BYTES;
  private allocated = 0;

  private constructor(
    readonly name: string,
    readonly header: FileHeader,
    private readonly file: EnvFile,
    /** Space is written ahead up to this size of the file. */
    private readonly aheadTo: number,
  ) {}

  /** Bytes on disk. */
  get size(): number {
    return Math.max(this.end, this.allocated);
  }

  /** A new file with the records of `batch`, all durable. What a failure leaves is a draft, or the whole file. */
  static async create(env: Env, folder: string, header: FileHeader, batch: EncodedBatch, aheadTo: number): Promise<LogFile> {
    const name = fileName(header.first, header.turn);
    const path = join(folder, name);
    const draft = `${path}${DRAFT}`;
    const file = await env.files.open(draft, "create");
    try {
      await file.write([encodeFileHeader(header), ...batch.parts], 0);
      await file.sync();
      await env.files.rename(draft, path);
      await env.files.syncFolder(folder);
    } catch (error) {
      await file.close().catch(() => undefined);
      for (const left of [draft, path]) await env.files.remove(left).catch(() => undefined);
      throw error;
    }
    const created = new LogFile(name, header, file, aheadTo);
    created.accept(batch);
    return created;
  }

  /** Writes behind the accepted records, without accepting. */
  async write(batch: EncodedBatch): Promise<void> {
    const end = this.end + batch.bytes;
    const room = Math.min(AHEAD_BYTES, Math.max(0, this.aheadTo - end));
    const ahead = end > this.allocated && batch.bytes < LARGE_BATCH_BYTES ? room : 0;
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
}
