/**
 * The log in files of one folder.
 *
 * Group commit: appends queue up; one writer takes all that waits (up to BATCH_BYTES), writes it with one call, syncs once, then applies record by
 * record. While a batch is on its way the next one gathers. Lsns are given when a batch is written, so a failed batch leaves no gap.
 *
 * Positions: `settled` (durable) <= `acknowledged` (applied). They differ only under `interval`, whose records between them are kept in memory.
 *
 * Faults: when writing or syncing fails the batch is rejected and its file never written again. The file is cut back to its acknowledged records, and
 * a new file is begun at `settled`, which supersedes whatever the old one holds behind that (recovery.ts). If the new file cannot be made, no file is
 * open, and each later append tries again. No file is open either after a log that was closed in order is opened again: that writes nothing.
 */
import type { Env } from "../shared/env.js";
import { failure, failureBecause, type MilvusError } from "../shared/errors.js";
import { fileFailure } from "../shared/files.js";
import { type Entry, encodeBatch, type Position } from "./encode-batch.js";
import { LiveFiles } from "./files.js";
import { BODY_BYTES_MAX, BodyChecksum, END } from "./framing.js";
import type { Log, LogOptions, Lsn } from "./log.js";
import type { LogFile } from "./log-file.js";
import { type Recovered, type Replay, recoverLog } from "./recovery.js";

const MIB = 1024 * 1024;
/** Bytes of bodies written and synced at once, and of records that `interval` may leave unsettled; one record may be larger. */
const BATCH_BYTES = 64 * MIB;
/** Records of one batch: their headers are made in one turn of the event loop, within a few milliseconds. */
const BATCH_RECORDS = 4096;
/** Milliseconds of applying after which other work gets its turn. */
const APPLY_MS = 8;

interface Waiting {
  readonly kind: number;
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  /** Applies the record and answers its append. */
  readonly deliver: (lsn: Lsn) => void;
  readonly reject: (error: MilvusError) => void;
}

interface Promised {
  readonly resolve: () => void;
  readonly reject: (error: MilvusError) => void;
}

/**
 * Opens the log in `folder` (made if absent; its parent must be there) and replays the records from `from` on before it resolves.
 * @throws MilvusError 1009 for damage, 1001 when a file cannot be read.
 */
export const openLog = async (env: Env, folder: string, options: LogOptions, from: Lsn, replay: Replay): Promise<Log> => {
  const files = new LiveFiles(env, folder);
  try {
    await files.prepare();
  } catch (error) {
    throw fileFailure("preparing the log's folder", error);
  }
  let inReplay = false;
  try {
    const recovered = await recoverLog(env, folder, from, options.reached ?? 1, async (record) => {
      inReplay = true;
      await replay(record);
      inReplay = false;
    });
    files.adopt(recovered.files);
    const log = new FileLog(env, files, options, recovered);
    if (!recovered.closed) await log.supersedeTail();
    return log;
  } catch (error) {
    throw inReplay ? error : fileFailure("reading the log", error);
  }
};

class FileLog implements Log {
  private queue: Waiting[] = [];
  private syncs: Promised[] = [];
  private closing: Promised[] = [];
  private state: "idle" | "working" | "closed" = "idle";
  private closed: Promise<void> | undefined;

  private file: LogFile | undefined;
  private settled: Position;
  private acknowledged: Position;
  private applied: Lsn;
  private unsettled: Entry[] = [];
  private unsettledBytes = 0;
  private syncIsDue = false;
  private stopTimer: (() => void) | undefined;
  /** Not after a failure: when the disk is full each byte is needed for records. */
  private writesAhead = true;
  private readonly checksums = new BodyChecksum();

  constructor(
    private readonly env: Env,
    private readonly files: LiveFiles,
    private readonly options: LogOptions,
    recovered: Recovered,
  ) {
    this.settled = recovered.end;
    this.acknowledged = recovered.end;
    this.applied = recovered.end.next;
  }

  /** Begins a file right after the recovered end, so that nothing behind it ever counts. On a full disk the first append does it, or fails. */
  async supersedeTail(): Promise<void> {
    await this.beginFile(this.fileBytes).catch(() => undefined);
  }

  private get fileBytes(): number {
    return this.options.segmentBytes ?? 64 * MIB;
  }

  get nextLsn(): Lsn {
    return this.applied;
  }

  get byteSize(): number {
    return this.files.bytes;
  }

  append<T>(kind: number, parts: readonly Uint8Array[], apply: (lsn: Lsn) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed !== undefined) throw failureBecause("serviceUnavailable", "the log is closed");
      if (!Number.isInteger(kind) || kind < 0 || kind >= END) throw new RangeError(`log record kind ${kind}`);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      if (length > BODY_BYTES_MAX) throw failure("parameterTooLarge", { bytes: length, max: BODY_BYTES_MAX }, "a change's record");
      const deliver = (lsn: Lsn): void => {
        try {
          resolve(apply(lsn));
        } catch (error) {
          reject(error);
        }
      };
      this.queue.push({ kind, parts, length, deliver, reject });
      this.wake();
    });
  }

  sync(): Promise<void> {
    if (this.unsettled.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.state === "closed") throw failureBecause("serviceUnavailable", "the log is closed");
      this.syncs.push({ resolve, reject });
      this.wake();
    });
  }

  async cut(before: Lsn): Promise<void> {
    try {
      await this.files.cut(before);
    } catch (error) {
      throw fileFailure("cutting the log", error);
    }
  }

  close(): Promise<void> {
    this.closed ??= new Promise((resolve, reject) => {
      this.closing.push({ resolve, reject });
      this.wake();
    });
    return this.closed;
  }

  private wake(): void {
    if (this.state !== "idle") return;
    this.state = "working";
    // What is appended in this turn of the event loop shares the first batch.
    queueMicrotask(() => void this.work());
  }

  /** The one writer. All changes of files and positions happen here, one after another. */
  private async work(): Promise<void> {
    for (;;) {
      if (this.syncIsDue || this.syncs.length > 0) await this.answerSyncs();
      else if (this.queue.length > 0) await this.commit(this.takeBatch());
      else if (this.closing.length > 0) return this.finish();
      else break;
    }
    this.state = "idle";
  }

  private takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.queue) {
      if (count === BATCH_RECORDS || (count > 0 && bytes + length > BATCH_BYTES)) break;
      bytes += length;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async commit(batch: readonly Waiting[]): Promise<void> {
    const entries: Entry[] = [];
    try {
      for (const { kind, parts, length } of batch) entries.push({ kind, parts, length, bodyChecksum: await this.checksums.of(parts) });
      const file = await this.openFile();
      const encoded = encodeBatch(entries, this.acknowledged, this.settled.next, file.header.salt);
      await file.write(encoded);
      if (this.options.fsync === "always") await file.sync();
      file.accept(encoded);
      this.acknowledged = encoded.end;
    } catch (error) {
      const gone = await this.abandonFile();
      const unknown = gone ? "" : "; whether the change comes back after a restart is not known";
      for (const { reject } of batch) reject(fileFailure(`writing the log${unknown}`, error));
      return;
    }
    if (this.options.fsync === "always") this.settled = this.acknowledged;
    else this.keepUnsettled(entries);
    await this.deliver(batch);
  }

  private async deliver(batch: readonly Waiting[]): Promise<void> {
    let since = this.env.elapsed();
    for (const { deliver } of batch) {
      deliver(this.applied++);
      if (this.env.elapsed() - since < APPLY_MS) continue;
      await new Promise(setImmediate);
      since = this.env.elapsed();
    }
  }

  /** The file to write next, begun if there is none or it is full. */
  private async openFile(): Promise<LogFile> {
    if (this.file !== undefined && this.file.end < this.fileBytes) return this.file;
    if (this.file !== undefined) {
      await this.settle(this.file);
      const full = this.file;
      this.file = undefined;
      // All its records are durable; zeros or worse behind them do not matter once the next file is there.
      await full.retire();
    }
    return this.beginFile(this.writesAhead ? this.fileBytes : 0);
  }

  /** Begins a file at `settled`, with the unsettled records in it. Until it succeeds no file is written: one that failed may count already. */
  private async beginFile(aheadTo: number): Promise<LogFile> {
    const { file, end } = await this.files.create(this.settled, this.unsettled, aheadTo);
    this.acknowledged = end;
    this.markSettled();
    this.file = file;
    this.writesAhead = true;
    return file;
  }

  /** After a failure. Returns whether what was not acknowledged is gone for good. */
  private async abandonFile(): Promise<boolean> {
    const file = this.file;
    this.file = undefined;
    this.writesAhead = false;
    const cutBack = file === undefined || (await file.retire());
    try {
      await this.beginFile(0);
      return true;
    } catch {
      return cutBack; // The next append meets the same fault, or its end.
    }
  }

  private keepUnsettled(entries: readonly Entry[]): void {
    this.unsettled.push(...entries);
    for (const { length } of entries) this.unsettledBytes += length;
    if (this.unsettledBytes >= BATCH_BYTES) this.syncIsDue = true;
    this.startTimer();
  }

  private startTimer(): void {
    this.stopTimer ??= this.env.after(this.options.intervalMs ?? 100, () => {
      this.stopTimer = undefined;
      this.syncIsDue = true;
      this.wake();
    });
  }

  private async settle(file: LogFile): Promise<void> {
    if (this.unsettled.length === 0) return;
    await file.sync();
    this.markSettled();
  }

  private markSettled(): void {
    this.settled = this.acknowledged;
    this.unsettled = [];
    this.unsettledBytes = 0;
  }

  /** Makes all acknowledged records durable, in a new file if the present one fails. */
  private async settleSomewhere(): Promise<void> {
    if (this.unsettled.length === 0) return;
    try {
      if (this.file === undefined) await this.beginFile(0);
      else await this.settle(this.file);
    } catch (error) {
      await this.abandonFile();
      if (this.unsettled.length > 0) throw error;
    }
  }

  private async answerSyncs(): Promise<void> {
    const waiting = this.syncs.splice(0);
    this.syncIsDue = false;
    try {
      await this.settleSomewhere();
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      this.startTimer();
      for (const { reject } of waiting) reject(fileFailure("syncing the log", error));
    }
  }

  private async finish(): Promise<void> {
    this.state = "closed";
    this.stopTimer?.();
    try {
      await this.settleSomewhere();
      await this.markEnd();
      for (const { resolve } of this.closing) resolve();
    } catch (error) {
      for (const { reject } of this.closing) reject(fileFailure("closing the log", error));
    }
  }

  private async markEnd(): Promise<void> {
    const file = this.file;
    if (file === undefined) return;
    this.file = undefined;
    const mark: Entry = { kind: END, parts: [], length: 0, bodyChecksum: 0 };
    await file.finish(encodeBatch([mark], this.acknowledged, this.settled.next, file.header.salt));
  }
}
