/**
 * Records as the bytes of one write: small parts are copied together, large ones go as they are.
 *
 * A record is encoded again, with another lsn or chain, when its batch moves to another file; its body's checksum stays.
 */
import { encodeRecordHeader, padding, RECORD_HEADER_BYTES, recordBytes } from "./framing.js";
import type { Lsn } from "./log.js";

/** A record that has no place yet. */
export interface Entry {
  readonly kind: number;
  readonly parts: readonly Uint8Array[];
  /** Bytes of the body. */
  readonly length: number;
  readonly bodyChecksum: number;
}

/** A place between two records: the lsn of the next one, and the header checksum of the one before. */
export interface Position {
  readonly next: Lsn;
  readonly previous: number;
}

export interface EncodedBatch {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** After the last record. */
  readonly end: Position;
}

/** Parts up to this many bytes are copied: cheaper than one more buffer in the write call. */
const COPIED_BYTES = 64 * 1024;
const SLAB_BYTES = 1024 * 1024;

/** Collects bytes in order: `room` hands out zeroed space to write into, `pass` takes a part as it is. */
class Gather {
  readonly parts: Uint8Array[] = [];
  private slab = Buffer.alloc(0);
  private used = 0;

  constructor(private expected: number) {}

  room(bytes: number): Buffer {
    if (this.slab.length - this.used < bytes) {
      this.flush();
      this.slab = Buffer.alloc(Math.max(bytes, Math.min(SLAB_BYTES, this.expected)));
    }
    this.used += bytes;
    this.expected -= bytes;
    return this.slab.subarray(this.used - bytes, this.used);
  }

  pass(part: Uint8Array): void {
    if (part.length <= COPIED_BYTES) {
      this.room(part.length).set(part);
      return;
    }
    this.flush();
    this.expected -= part.length;
    this.parts.push(part);
  }

  flush(): void {
    if (this.used > 0) this.parts.push(this.slab.subarray(0, this.used));
    this.slab = this.slab.subarray(this.used);
    this.used = 0;
  }
}

/** `settled`: all records before it are durable already. */
export const encodeBatch = (entries: readonly Entry[], from: Position, settled: Lsn, salt: number): EncodedBatch => {
  const bytes = entries.reduce((sum, entry) => sum + recordBytes(entry.length), 0);
  const gather = new Gather(bytes);
  let { next, previous } = from;
  for (const { kind, parts, length, bodyChecksum } of entries) {
    const header = { kind, lsn: next, settled, length, bodyChecksum, previous };
    previous = encodeRecordHeader(gather.room(RECORD_HEADER_BYTES), 0, header, salt);
    for (const part of parts) gather.pass(part);
    gather.room(padding(length));
    next++;
  }
  gather.flush();
  return { parts: gather.parts, bytes, end: { next, previous } };
};
