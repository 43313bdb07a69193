/**
 * The bytes of a log file: a header, then records one after another, then perhaps zeros.
 *
 * File header, 40 bytes: magic "ELANULOG" · u32 format version · u32 salt · u64 first lsn · u64 turn · u32 previous · u32 checksum.
 * Record header, 40 bytes: magic "ElRc" · u32 kind · u64 lsn · u64 settled · u32 body bytes · u32 body checksum · u32 previous · u32 checksum;
 * then the body, then zeros up to a multiple of 8. All numbers are little-endian; checksums are CRC-32 (zlib's).
 *
 * - `checksum` of a header covers its first 36 bytes; a record's begins from the file's salt, so bytes that a client sends, or that an older file
 *   holds, are no record by chance or design.
 * - `previous` is the header checksum of the record before, across files: a lost, doubled or swapped record breaks the chain.
 * - `settled`: when this record was written, all records with a smaller lsn than this were durable. This is what tells a torn tail (no record after
 *   the hole says that the hole was settled) from damage (one does).
 * - A record of the kind END has the lsn of the record to come and no body: the log was closed in order, and everything before is settled.
 */
import { crc32 } from "node:zlib";
import type { Lsn } from "./log.js";

export const FORMAT_VERSION = 1;
export const FILE_HEADER_BYTES = 40;
export const RECORD_HEADER_BYTES = 40;
/** The kind of the mark at the end of a log that was closed; no record has it. */
export const END = 0xffffffff;
/** Bytes of one record's body. */
export const BODY_BYTES_MAX = 1024 * 1024 * 1024;

const FILE_MAGIC = Buffer.from("ELANULOG", "latin1");
export const RECORD_MAGIC: Buffer = Buffer.from("ElRc", "latin1");
const CHECKED_BYTES = 36;

export interface FileHeader {
  readonly salt: number;
  readonly first: Lsn;
  /** Of two files with the same first lsn the one with the higher turn counts. */
  readonly turn: number;
  readonly previous: number;
}

export interface RecordHeader {
  readonly kind: number;
  readonly lsn: Lsn;
  readonly settled: Lsn;
  readonly length: number;
  readonly bodyChecksum: number;
  readonly previous: number;
}

export const padding = (length: number): number => -length & 7;
export const recordBytes = (length: number): number => RECORD_HEADER_BYTES + length + padding(length);

/** Lsn and turn in hexadecimal, so that names sort as numbers do. */
export const fileName = (first: Lsn, turn: number): string =>
  `${first.toString(16).padStart(14, "0")}-${turn.toString(16).padStart(8, "0")}.log`;

export const parseFileName = (name: string): { first: Lsn; turn: number } | undefined => {
  const match = /^([0-9a-f]{14})-([0-9a-f]{8})\.log$/.exec(name);
  if (match === null) return undefined;
  return { first: Number.parseInt(match[1] ?? "", 16), turn: Number.parseInt(match[2] ?? "", 16) };
};

const writeNumber = (into: Buffer, value: number, at: number): void => {
  into.writeBigUInt64LE(BigInt(value), at);
};
const readNumber = (from: Buffer, at: number): number => Number(from.readBigUInt64LE(at));

export const encodeFileHeader = (header: FileHeader): Buffer => {
  const bytes = Buffer.alloc(FILE_HEADER_BYTES);
  FILE_MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(header.salt, 12);
  writeNumber(bytes, header.first, 16);
  writeNumber(bytes, header.turn, 24);
  bytes.writeUInt32LE(header.previous, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
  return bytes;
};

/** The header, or what is wrong with it. */
export const decodeFileHeader = (bytes: Buffer): FileHeader | string => {
  if (bytes.length < FILE_HEADER_BYTES) return `the file header has ${bytes.length} of ${FILE_HEADER_BYTES} bytes`;
  if (!bytes.subarray(0, 8).equals(FILE_MAGIC)) return "not a log file";
  if (crc32(bytes.subarray(0, CHECKED_BYTES)) !== bytes.readUInt32LE(CHECKED_BYTES)) return "the file header's checksum does not match";
  const version = bytes.readUInt32LE(8);
  if (version !== FORMAT_VERSION) return `the log's format is version ${version}, this program knows version ${FORMAT_VERSION}`;
  return { salt: bytes.readUInt32LE(12), first: readNumber(bytes, 16), turn: readNumber(bytes, 24), previous: bytes.readUInt32LE(32) };
};

/** Writes the header into `into` at `at`; returns its checksum: the next record's `previous`. */
export const encodeRecordHeader = (into: Buffer, at: number, header: RecordHeader, salt: number): number => {
  RECORD_MAGIC.copy(into, at);
  into.writeUInt32LE(header.kind, at + 4);
  writeNumber(into, header.lsn, at + 8);
  writeNumber(into, header.settled, at + 16);
  into.writeUInt32LE(header.length, at + 24);
  into.writeUInt32LE(header.bodyChecksum, at + 28);
  into.writeUInt32LE(header.previous, at + 32);
  const checksum = crc32(into.subarray(at, at + CHECKED_BYTES), salt);
  into.writeUInt32LE(checksum, at + CHECKED_BYTES);
  return checksum;
};

/** The header and its checksum, or undefined when the bytes are none of this file. */
export const decodeRecordHeader = (bytes: Buffer, salt: number): (RecordHeader & { readonly checksum: number }) | undefined => {
  if (bytes.length < RECORD_HEADER_BYTES || !bytes.subarray(0, 4).equals(RECORD_MAGIC)) return undefined;
  const checksum = bytes.readUInt32LE(CHECKED_BYTES);
  if (crc32(bytes.subarray(0, CHECKED_BYTES), salt) !== checksum) return undefined;
  return {
    kind: bytes.readUInt32LE(4),
    lsn: readNumber(bytes, 8),
    settled: readNumber(bytes, 16),
    length: bytes.readUInt32LE(24),
    bodyChecksum: bytes.readUInt32LE(28),
    previous: bytes.readUInt32LE(32),
    checksum,
  };
};

/** Bytes checksummed at once: about 2 ms, so that other work gets its turn between. */
const SLICE_BYTES = 2 * 1024 * 1024;

/** Checksums bodies; after each 8 MiB, counted over all calls, it lets the event loop turn. */
export class BodyChecksum {
  private sinceTurn = 0;

  async of(parts: readonly Uint8Array[]): Promise<number> {
    let checksum = 0;
    for (const part of parts) {
      for (let at = 0; at < part.length; at += SLICE_BYTES) {
        const slice = part.subarray(at, at + SLICE_BYTES);
        checksum = crc32(slice, checksum);
        this.sinceTurn += slice.length;
        if (this.sinceTurn >= SLICE_BYTES) {
          this.sinceTurn = 0;
          await new Promise(setImmediate);
        }
      }
    }
    return checksum;
  }
}
