/**
 * Reads one log file from its header on, checks every byte and hands on the records; recovery.ts tells the rules.
 */
import type { Env, EnvFile } from "../shared/env.js";
import { damaged } from "../shared/files.js";
import type { Position } from "./encode-batch.js";
import {
  BodyChecksum,
  decodeFileHeader,
  decodeRecordHeader,
  END,
  FILE_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  recordBytes,
} from "./framing.js";
import type { Lsn } from "./log.js";
import type { LiveFile, Replay } from "./recovery.js";

const WINDOW_BYTES = 1024 * 1024;
/** Bytes read and written back at once when the last batch is made durable again. */
const REWRITE_BYTES = 16 * 1024 * 1024;

/** Bytes of a file by position, read ahead in windows; a window is never written again, so its parts may be kept. */
class Windows {
  private window = Buffer.alloc(0);
  private start = 0;

  constructor(
    private readonly file: EnvFile,
    readonly size: number,
  ) {}

  /** Fewer than `length` bytes only at the end of the file. */
  async bytes(at: number, length: number): Promise<Buffer> {
    if (at < this.start || at + length > this.start + this.window.length) {
      const fresh = Buffer.allocUnsafe(Math.max(0, Math.min(Math.max(length, WINDOW_BYTES), this.size - at)));
      this.window = fresh.subarray(0, await this.file.read(fresh, at));
      this.start = at;
    }
    return this.window.subarray(at - this.start, at - this.start + length);
  }
}

type Step =
  | { readonly is: "record"; readonly body: Buffer; readonly kind: number; readonly settled: Lsn; readonly checksum: number }
  | { readonly is: "end" }
  /** Not a whole record; may be a torn write. */
  | { readonly is: "broken"; readonly why: string }
  /** A whole record's header that has no business here: no torn write leaves that. */
  | { readonly is: "misplaced"; readonly why: string };

export interface FileEnd {
  readonly end: Position;
  /** Whether the mark of an orderly close was met. */
  readonly closed: boolean;
}

export class FileReader {
  private readonly checksums = new BodyChecksum();

  constructor(
    private readonly env: Env,
    private readonly path: string,
    private readonly file: LiveFile,
    private readonly from: Lsn,
    private readonly replay: Replay,
  ) {}

  /**
   * Reads from `begin` (undefined: from this file's own first record) to the record before `stop`, or, of the last file (no `stop`), to its end.
   * @throws 1009 when the file does not hold them.
   */
  async read(begin: Position | undefined, stop: Lsn | undefined): Promise<FileEnd> {
    const isLast = stop === undefined;
    const handle = await this.env.files.open(this.path, isLast ? "write" : "read");
    try {
      const windows = new Windows(handle, this.file.bytes);
      const header = await this.header(windows, begin);
      return await this.records(handle, windows, header.salt, { next: header.first, previous: header.previous }, stop, isLast);
    } finally {
      await handle.close();
    }
  }

  private async header(windows: Windows, begin: Position | undefined) {
    const header = decodeFileHeader(await windows.bytes(0, FILE_HEADER_BYTES));
    if (typeof header === "string") throw damaged(this.path, 0, header);
    if (header.first !== this.file.first || header.turn !== this.file.turn) throw damaged(this.path, 0, "the header is another file's");
    if (begin !== undefined && header.previous !== begin.previous)
      throw damaged(this.path, 32, "the file does not continue the one before");
    return header;
  }

  private async records(
    handle: EnvFile,
    windows: Windows,
    salt: number,
    begin: Position,
    stop: Lsn | undefined,
    isLast: boolean,
  ): Promise<FileEnd> {
    let at = FILE_HEADER_BYTES;
    let end = begin;
    let closed = false;
    const unsettled = new Unsettled(begin.next);
    while (stop === undefined || end.next < stop) {
      const step = await this.step(windows, salt, at, end);
      if (step.is === "end") {
        closed = true;
        break;
      }
      if (step.is === "misplaced") throw damaged(this.path, at, step.why);
      if (step.is === "broken") {
        if (!isLast) throw damaged(this.path, at, step.why);
        await this.requireTorn(windows, salt, at, end.next, step.why);
        break;
      }
      const lsn = end.next;
      unsettled.pass(at, step.settled);
      end = { next: lsn + 1, previous: step.checksum };
      at += recordBytes(step.body.length);
      if (lsn >= this.from) await this.replay({ lsn, kind: step.kind, body: step.body });
    }
    if (isLast) await makeDurable(handle, unsettled.offset ?? at, at);
    return { end, closed };
  }

  private async step(windows: Windows, salt: number, at: number, end: Position): Promise<Step> {
    const header = decodeRecordHeader(await windows.bytes(at, RECORD_HEADER_BYTES), salt);
    if (header === undefined) return { is: "broken", why: `record ${end.next} is missing or its header is broken` };
    if (header.lsn !== end.next) return { is: "misplaced", why: `record ${header.lsn} is where record ${end.next} belongs` };
    if (header.previous !== end.previous) return { is: "misplaced", why: `record ${header.lsn} does not continue the one before` };
    if (header.kind === END) return { is: "end" };
    const whole = await windows.bytes(at + RECORD_HEADER_BYTES, recordBytes(header.length) - RECORD_HEADER_BYTES);
    const body = whole.subarray(0, header.length);
    if (whole.length !== recordBytes(header.length) - RECORD_HEADER_BYTES)
      return { is: "broken", why: `record ${header.lsn} is not whole` };
    if ((await this.checksums.of([body])) !== header.bodyChecksum)
      return { is: "broken", why: `the checksum of record ${header.lsn} does not match` };
    return { is: "record", body, kind: header.kind, settled: header.settled, checksum: header.checksum };
  }

  /** @throws 1009 when a record behind `at` says that record `lsn`, which is broken, was durable. */
  private async requireTorn(windows: Windows, salt: number, at: number, lsn: Lsn, why: string): Promise<void> {
    for (let start = at; start < windows.size; start += WINDOW_BYTES) {
      const bytes = await windows.bytes(start, WINDOW_BYTES + RECORD_HEADER_BYTES);
      for (let hit = bytes.indexOf(RECORD_MAGIC); hit >= 0; hit = bytes.indexOf(RECORD_MAGIC, hit + 1)) {
        const header = decodeRecordHeader(bytes.subarray(hit, hit + RECORD_HEADER_BYTES), salt);
        if (header !== undefined && header.settled > lsn) {
          throw damaged(this.path, at, `${why}, but record ${header.lsn} at byte ${start + hit} was written after it`);
        }
      }
    }
  }
}

/** Where the records begin that no later record calls settled. */
class Unsettled {
  /** Offsets of the records from `first` on. */
  private offsets: number[] = [];

  constructor(private first: Lsn) {}

  pass(at: number, settled: Lsn): void {
    this.offsets.push(at);
    if (settled > this.first) {
      this.offsets = this.offsets.slice(settled - this.first);
      this.first = settled;
    }
  }

  get offset(): number | undefined {
    return this.offsets[0];
  }
}

/** Writes bytes over themselves, so that the system does not take them for written, and syncs. */
const makeDurable = async (handle: EnvFile, from: number, to: number): Promise<void> => {
  for (let at = from; at < to; at += REWRITE_BYTES) {
    const bytes = Buffer.allocUnsafe(Math.min(REWRITE_BYTES, to - at));
    await handle.write([bytes.subarray(0, await handle.read(bytes, at))], at);
  }
  await handle.sync();
};
